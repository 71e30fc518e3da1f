/** The HTTP server as a function from request to response. */
export { createHandler, type Handler } from "./app.ts";
export type { AccessRecord } from "./http/mod.ts";
