import { anthropicRoutes } from "./api/anthropic/mod.ts";
import { generateRoute, nativeRoutes } from "./api/native/mod.ts";
import { isOllamaGenerate, ollamaGenerate, ollamaRoutes } from "./api/ollama/mod.ts";
import { openaiRoutes } from "./api/openai/mod.ts";
import type { Route } from "./http/mod.ts";

/** All routes of all dialects. */
export const allRoutes: readonly Route[] = [
  ...nativeRoutes,
  generateRoute({ matches: isOllamaGenerate, handle: ollamaGenerate }),
  ...openaiRoutes,
  ...anthropicRoutes,
  ...ollamaRoutes,
];
