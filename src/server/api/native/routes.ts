import { lazyRoute, type Route } from "../../http/mod.ts";
import { nativeDialect } from "./dialect.ts";

const dialect = nativeDialect;

/** Routes for operators and monitoring. */
const operationRoutes: readonly Route[] = [
  // Clients of llama-server and of vLLM whose base URL ends in `/v1` ask there.
  ...["/health", "/v1/health"].map((path): Route => ({
    method: "GET",
    path,
    scope: "any",
    dialect,
    summary: "Liveness check",
    open: true,
    load: async () => ({ answer: (await import("./operation.ts")).healthAnswer }),
    handle: () => Response.json({ status: "ok" }),
  })),
  lazyRoute({
    method: "GET",
    path: "/ready",
    scope: "any",
    dialect,
    summary: "Readiness check: a model is available",
  }, async () => (await import("./operation.ts")).checkReady),
  lazyRoute({
    method: "GET",
    path: "/metrics",
    scope: "metrics",
    dialect,
    summary: "Metrics in Prometheus text format",
    text: true,
  }, async () => (await import("./operation.ts")).renderMetrics),
  lazyRoute({
    method: "GET",
    path: "/diag",
    scope: "metrics",
    dialect,
    summary: "Loaded models, devices and queues",
  }, async () => (await import("./operation.ts")).diagnoseServer),
];

/** Routes of the model registry. */
const modelRoutes: readonly Route[] = [
  lazyRoute({
    method: "GET",
    path: "/api/models",
    scope: "models:read",
    dialect,
    summary: "List registered and discovered models",
  }, async () => (await import("./models.ts")).listModels),
  lazyRoute({
    method: "POST",
    path: "/api/models/discover",
    scope: "admin",
    dialect,
    summary: "Discover models again",
  }, async () => (await import("./models.ts")).discoverModels),
  lazyRoute({
    method: "POST",
    path: "/api/models/:name/load",
    scope: "admin",
    dialect,
    summary: "Load a model; responds when it is loaded",
    optionalBody: true,
  }, async () => (await import("./models.ts")).loadModel),
  lazyRoute({
    method: "POST",
    path: "/api/models/:name/unload",
    scope: "admin",
    dialect,
    summary: "Unload a model; running requests are cancelled",
  }, async () => (await import("./models.ts")).unloadModel),
  lazyRoute({
    method: "GET",
    path: "/api/models/:name/plan",
    scope: "admin",
    dialect,
    summary: "Plan the placement of a model without loading it",
    costly: true,
  }, async () => (await import("./models.ts")).planModel),
  lazyRoute({
    method: "GET",
    path: "/api/models/:name/status",
    scope: "models:read",
    dialect,
    summary: "Status of a model",
  }, async () => (await import("./models.ts")).modelStatus),
];

/** Routes that list, load, rescale and unload adapters. */
const loraRoutes: readonly Route[] = [
  lazyRoute({
    method: "GET",
    path: "/api/lora",
    scope: "models:read",
    dialect,
    summary: "List the adapters of a model",
    query: { model: "Default: the default model" },
  }, async () => (await import("./lora.ts")).listAdapters),
  lazyRoute({
    method: "POST",
    path: "/api/lora",
    scope: "admin",
    dialect,
    summary: "Load, rescale or unload an adapter without a restart",
  }, async () => (await import("./lora.ts")).changeAdapters),
];

/** Routes that list, make and revoke signed keys. */
const keyRoutes: readonly Route[] = [
  lazyRoute({
    method: "GET",
    path: "/api/keys",
    scope: "admin",
    dialect,
    summary: "List the signed keys with their rights and use",
  }, async () => (await import("./keys.ts")).listKeys),
  lazyRoute({
    method: "POST",
    path: "/api/keys",
    scope: "admin",
    dialect,
    summary: "Make a signed key; the response is the only one that contains it",
  }, async () => (await import("./keys.ts")).createKey),
  lazyRoute({
    method: "GET",
    path: "/api/keys/:id",
    scope: "admin",
    dialect,
    summary: "The rights and the use of a signed key",
  }, async () => (await import("./keys.ts")).describeKey),
  lazyRoute({
    method: "DELETE",
    path: "/api/keys/:id",
    scope: "admin",
    dialect,
    summary: "Revoke a signed key at once; it need not be in the list",
  }, async () => (await import("./keys.ts")).revokeKey),
];

/** Routes of running answers. */
const answerRoutes: readonly Route[] = [
  lazyRoute({
    method: "POST",
    path: "/api/generate/:id/control",
    scope: "chat",
    dialect,
    summary: "Control an answer that is streamed",
    conflicts: true,
  }, async () => (await import("./control/control.ts")).controlAnswer),
  lazyRoute({
    method: "GET",
    path: "/api/generate/:id/stream",
    scope: "chat",
    dialect,
    summary: "Take up the stream of an answer again, while it runs and for a time after",
    query: {
      from: "Index of the first token, for native answers. Default 0",
      last_event_id: "Number of the last event that the client has; the header Last-Event-ID wins",
    },
    streams: ["text/event-stream", "application/x-ndjson"],
    expires: true,
  }, async () => (await import("./streaming/resume.ts")).resumeStream),
];

/** Routes of saved sessions. */
const sessionRoutes: readonly Route[] = [
  lazyRoute({
    method: "DELETE",
    path: "/api/sessions/:name",
    scope: "chat",
    dialect,
    summary: "Delete a saved session; loads the model",
    query: { model: "A model that may use the session. Default: the default model" },
  }, async () => (await import("./sessions/delete_session.ts")).deleteSession),
];

/** All native routes except `POST /api/generate`, which is shared with Ollama's API. */
export const nativeRoutes: readonly Route[] = [
  ...operationRoutes,
  lazyRoute({
    method: "GET",
    path: "/api/events",
    scope: "metrics",
    dialect,
    summary: "Status, requests, errors and log of the server as they change",
    costly: true,
    streams: ["text/event-stream"],
  }, async () => (await import("./live/mod.ts")).followEvents),
  ...modelRoutes,
  ...loraRoutes,
  ...answerRoutes,
  ...sessionRoutes,
  ...keyRoutes,
  lazyRoute({
    method: "GET",
    path: "/ws/generate",
    scope: "chat",
    dialect,
    summary: "Generate over a WebSocket, with control frames during generation",
    upgrade: true,
  }, async () => (await import("./socket.ts")).generateOverSocket),
];
