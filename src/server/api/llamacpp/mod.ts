/**
 * The API of llama.cpp's server, except the routes that it has in common with OpenAI's API. `completion/`
 * holds completions, `infill/` fill-in-the-middle, `state/` models, slots, adapters and properties.
 *
 * @module
 */
export { llamacppDialect } from "./dialect.ts";
export { llamacppRoutes, RERANK_PATHS, teiRerankRoute, tokenizeRoute } from "./routes.ts";

/** Paths of llama-server beside those below `/v1`, and the paths that they stand for. */
export const LLAMACPP_ALIASES: Readonly<Record<string, string>> = {
  "/chat/completions": "/v1/chat/completions",
  "/chat/completions/input_tokens": "/v1/chat/completions/input_tokens",
  "/audio/transcriptions": "/v1/audio/transcriptions",
  "/responses": "/v1/responses",
  "/responses/input_tokens": "/v1/responses/input_tokens",
};
