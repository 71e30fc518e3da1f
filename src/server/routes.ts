import { anthropicRoutes } from "./api/anthropic/mod.ts";
import { generateRoute, nativeDialect, nativeRoutes } from "./api/native/mod.ts";
import {
  isOllamaGenerate,
  ollamaOnlyRoutes,
  ollamaRoutes,
  sharedGenerate,
} from "./api/ollama/mod.ts";
import { openaiRoutes } from "./api/openai/mod.ts";
import { receiptRoutes } from "./receipts/mod.ts";
import type { Route } from "./http/mod.ts";

/** All routes of all dialects. */
export const allRoutes: readonly Route[] = [
  ...nativeRoutes,
  ...receiptRoutes(nativeDialect),
  generateRoute({ matches: isOllamaGenerate, handle: sharedGenerate }),
  ...openaiRoutes,
  ...anthropicRoutes,
  ...ollamaRoutes,
];

/** The routes of the address that stands in for Ollama's server: Ollama's, and those below `/v1`. */
export const ollamaServerRoutes: readonly Route[] = [
  ...ollamaOnlyRoutes,
  ...ollamaRoutes,
  ...openaiRoutes,
  ...anthropicRoutes,
];
