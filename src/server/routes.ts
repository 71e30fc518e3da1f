import { anthropicRoutes } from "./api/anthropic/mod.ts";
import {
  LLAMACPP_ALIASES,
  llamacppDialect,
  llamacppRoutes,
  RERANK_PATHS,
  teiRerankRoute,
  tokenizeRoute,
} from "./api/llamacpp/mod.ts";
import { generateRoute, nativeDialect, nativeRoutes } from "./api/native/mod.ts";
import { ollamaOnlyRoutes, ollamaRoutes, sharedGenerate } from "./api/ollama/mod.ts";
import { jinaRerankRoute, openaiRoutes, vllmTokenizeRoute } from "./api/openai/mod.ts";
import { receiptRoutes } from "./receipts/mod.ts";
import { pageRoutes } from "./ui/mod.ts";
import { hasAnswers, type Route } from "./http/mod.ts";
import { sharedRoute } from "./shared_route.ts";

/** Routes that the dialects of OpenAI and llama.cpp share. */
const sharedRoutes: readonly Route[] = [
  sharedRoute(tokenizeRoute, vllmTokenizeRoute),
  ...RERANK_PATHS.map((path) => sharedRoute(teiRerankRoute(path), { ...jinaRerankRoute, path })),
];

/** OpenAI's routes at the other paths that llama.cpp's server has for them. */
const llamacppAliases: readonly Route[] = Object.entries(LLAMACPP_ALIASES).flatMap(
  ([path, target]) =>
    openaiRoutes.filter((route) => route.path === target)
      .map((route) => ({ ...route, path, dialect: llamacppDialect })),
);

/** The routes below `/v1`. */
const v1Routes: readonly Route[] = [
  ...openaiRoutes,
  ...sharedRoutes.filter(({ path }) => path.startsWith("/v1/")),
  ...anthropicRoutes,
];

/** All routes of all dialects. */
export const allRoutes: readonly Route[] = [
  ...pageRoutes(nativeDialect),
  ...nativeRoutes,
  ...receiptRoutes(nativeDialect),
  generateRoute(sharedGenerate),
  ...v1Routes,
  ...sharedRoutes.filter(({ path }) => !path.startsWith("/v1/")),
  ...llamacppRoutes,
  ...llamacppAliases,
  ...ollamaRoutes,
];

/** The routes of the address that stands in for Ollama's server: Ollama's, and those below `/v1`. */
export const ollamaServerRoutes: readonly Route[] = [
  ...ollamaOnlyRoutes,
  ...ollamaRoutes,
  ...v1Routes,
];

/** The paths whose answers can have receipts. That of the WebSocket takes the requests of `/api/generate`. */
export const answerPaths: readonly string[] = [
  ...new Set([...allRoutes, ...ollamaServerRoutes].filter(hasAnswers).map(({ path }) => path)),
  "/ws/generate",
];
