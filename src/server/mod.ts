/**
 * The HTTP server: `http/` is the layer below the APIs, `api/` has a folder per dialect, `answers/` connects
 * requests to engines, `schemas/` holds shared request fields, `metrics/` the figures of `/metrics`,
 * `activity/` what `/api/events` tells, `telemetry/` what an OpenTelemetry collector gets.
 *
 * @module
 */
/** The HTTP server as a function from request to response. */
export { createHandler } from "./app.ts";
export {
  type AccessRecord,
  type ConnectionLimits,
  type Endpoint,
  type FetchRemoteImages,
  type Handler,
  type Listener,
  loadRoutes,
  serveHttp,
  type ServerContext,
} from "./http/mod.ts";
export { Activity } from "./activity/mod.ts";
export { Metrics } from "./metrics/mod.ts";
export { allRoutes, answerPaths, ollamaServerRoutes } from "./routes.ts";
export {
  type SamplerName,
  SAMPLERS,
  startTelemetry,
  type Telemetry,
  type TelemetrySettings,
  type TelemetrySources,
} from "./telemetry/mod.ts";
