/**
 * Shimmy's own API: generation over HTTP and WebSocket, models, adapters, keys and operation.
 *
 * @module
 */
export { nativeDialect } from "./dialect.ts";
export { generateRoute } from "./generate_route.ts";
export { nativeRoutes } from "./routes.ts";
