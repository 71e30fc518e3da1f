import { anthropicRoutes } from "./api/anthropic/mod.ts";
import { generateRoute, nativeRoutes } from "./api/native/mod.ts";
import { isOllamaGenerate, ollamaGenerate, ollamaRoutes } from "./api/ollama/mod.ts";
import { openaiRoutes } from "./api/openai/mod.ts";
import type { Route } from "./http/mod.ts";

/** Every route of every dialect. */
export const allRoutes: readonly Route[] = [
  ...nativeRoutes,
  generateRoute({ claims: isOllamaGenerate, handle: ollamaGenerate }),
  ...openaiRoutes,
  ...anthropicRoutes,
  ...ollamaRoutes,
];
