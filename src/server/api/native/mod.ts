import type { Route } from "../../http/mod.ts";
import { loraRoutes } from "./lora.ts";
import { modelRoutes } from "./models.ts";
import { operationRoutes } from "./operation.ts";
import { socketRoute } from "./socket.ts";

export { nativeDialect } from "./dialect.ts";
export { generateRoute } from "./generate_route.ts";

/** Shimmy's own API, without `POST /api/generate`, which it shares with Ollama's. */
export const nativeRoutes: readonly Route[] = [
  ...operationRoutes,
  ...modelRoutes,
  ...loraRoutes,
  socketRoute,
];
