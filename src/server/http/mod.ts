/**
 * The HTTP layer, independent of all APIs: routes as data, the router, request bodies, errors as responses,
 * streams, content negotiation, API keys and CORS.
 *
 * @module
 */
export {
  apiKeyCheck,
  checkHost,
  checkOrigin,
  checkSite,
  keysOf,
  originOf,
  unauthorized,
} from "./access.ts";
export { readJson, readOptionalJson, withoutReceipt } from "./body.ts";
export { isPreflight, preflightResponse, setCorsHeaders } from "./cors.ts";
export { type Form, readForm } from "./request/form.ts";
export { errorResponse, HttpError, statusOf, toShimmyError } from "./errors.ts";
export { etagOf, taggedResponse } from "./etag.ts";
export { json } from "./json.ts";
export { describedRoutes, lazyRoute, loadRoutes, once } from "./lazy_route.ts";
export { HeldBody } from "./request/held_bodies.ts";
export { SMALL_BYTES } from "./request/json_size.ts";
export { parseJson } from "./request/parse_json.ts";
export { preferredType, type ResponseType } from "./negotiation.ts";
export type {
  DescribedRoute,
  Dialect,
  Exchange,
  FetchRemoteImages,
  Route,
  RouteCode,
  RouteForm,
  RouteHead,
  RouteSchemas,
  RouteScope,
  ServerContext,
  ServerSettings,
} from "./route.ts";
export { hasAnswers, mostHeldMsOf } from "./route.ts";
export { Router } from "./router.ts";
export {
  eventStream,
  ndjsonStream,
  observeStream,
  ResponseStream,
  type ServerSentEvent,
} from "./streams.ts";
export type { ConnectionLimits } from "./request/connection_guard.ts";
export {
  type ClientConnection,
  type Endpoint,
  type Handler,
  type Listener,
  serveHttp,
} from "./serve.ts";
export { type AccessRecord, type RequestUsage, tokensOf, UsageRecorder } from "./usage.ts";
