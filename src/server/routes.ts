import { generateRoute } from "./api/generate.ts";
import { nativeRoutes } from "./api/native/mod.ts";
import { openaiRoutes } from "./api/openai/mod.ts";
import type { Route } from "./route.ts";

/** Every route of every dialect. */
export const allRoutes: readonly Route[] = [
  ...nativeRoutes,
  generateRoute(),
  ...openaiRoutes,
];
