/**
 * OpenAI's API. `chat/` holds chat completions, `completions/` text completions, `responses/` the Responses
 * API, `embeddings/` embeddings and reranking, `audio/` transcriptions; `models.ts` lists models, `tokens.ts` tokenizes and counts;
 * `shared/` holds fields, errors and ids that several of them use.
 *
 * @module
 */
export { jinaRerankRoute, openaiRoutes, vllmTokenizeRoute } from "./routes.ts";
export { openaiDialect } from "./shared/dialect.ts";
