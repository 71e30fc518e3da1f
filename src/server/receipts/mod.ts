/**
 * Receipts in responses of all dialects, and the route of the key that verifies them.
 *
 * @module
 */
export { withReceipts } from "./deliver.ts";
export { receiptRoutes } from "./routes.ts";
