/**
 * Shimmy's own API: generation over HTTP and WebSocket, models, adapters, keys and operation.
 *
 * @module
 */
import type { Route } from "../../http/mod.ts";
import { controlRoute } from "./control/control.ts";
import { keyRoutes } from "./keys.ts";
import { eventsRoute } from "./live/mod.ts";
import { loraRoutes } from "./lora.ts";
import { modelRoutes } from "./models.ts";
import { operationRoutes } from "./operation.ts";
import { socketRoute } from "./socket.ts";
import { resumeRoute } from "./streaming/resume.ts";

export { nativeDialect } from "./dialect.ts";
export { generateRoute } from "./generate_route.ts";

/** All native routes except `POST /api/generate`, which is shared with Ollama's API. */
export const nativeRoutes: readonly Route[] = [
  ...operationRoutes,
  eventsRoute,
  ...modelRoutes,
  ...loraRoutes,
  controlRoute,
  resumeRoute,
  ...keyRoutes,
  socketRoute,
];
