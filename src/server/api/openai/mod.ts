/**
 * OpenAI's API. `chat/` holds chat completions, `completions/` text completions, `responses/` the Responses
 * API, `embeddings/` embeddings and reranking, `audio/` transcriptions; `models.ts` lists models, `tokens.ts` tokenizes and counts;
 * `shared/` holds fields, errors and ids that several of them use.
 *
 * @module
 */
import type { Route } from "../../http/mod.ts";
import { audioRoutes } from "./audio/transcriptions.ts";
import { chatRoutes } from "./chat/chat.ts";
import { completionRoutes } from "./completions/completions.ts";
import { embeddingRoutes } from "./embeddings/embeddings.ts";
import { modelRoutes } from "./models.ts";
import { responseRoutes } from "./responses/routes.ts";
import { tokenRoutes } from "./tokens.ts";

export { jinaRerankRoute } from "./embeddings/rerank.ts";
export { openaiDialect } from "./shared/dialect.ts";
export { vllmTokenizeRoute } from "./tokens.ts";

/** All routes of OpenAI's API and its extensions, except those that are shared with another dialect. */
export const openaiRoutes: readonly Route[] = [
  ...modelRoutes,
  ...chatRoutes,
  ...completionRoutes,
  ...responseRoutes,
  ...embeddingRoutes,
  ...audioRoutes,
  ...tokenRoutes,
];
