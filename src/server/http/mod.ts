export { guardHost, guardOrigin, keyCheck, keyRefusal, originOf } from "./access.ts";
export { parse, readJson, readOptionalJson } from "./body.ts";
export { allowOrigin, isPreflight, preflight } from "./cors.ts";
export { errorResponse, HttpError, statusOf, toShimmyError } from "./errors.ts";
export { json } from "./json.ts";
export type { Dialect, Exchange, Route, ServerContext } from "./route.ts";
export { Router } from "./router.ts";
export { eventStream, ndjsonStream, type ServerSentEvent, watchStream } from "./streams.ts";
