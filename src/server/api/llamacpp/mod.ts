/**
 * The API of llama.cpp's server, except the routes that it has in common with OpenAI's API. `completion/`
 * holds completions, `infill/` fill-in-the-middle, `state/` models, slots, adapters and properties.
 *
 * @module
 */
import type { Route } from "../../http/mod.ts";
import { completionRoutes } from "./completion/completion.ts";
import { embeddingRoutes } from "./embeddings.ts";
import { infillRoutes } from "./infill/infill.ts";
import { controlRoutes } from "./state/control.ts";
import { loraRoutes } from "./state/lora_adapters.ts";
import { modelRoutes } from "./state/models.ts";
import { propsRoutes } from "./state/props.ts";
import { slotRoutes } from "./state/slots.ts";

export { llamacppDialect } from "./dialect.ts";
export { RERANK_PATHS, teiRerankRoute } from "./rerank.ts";
export { tokenizeRoute } from "./tokenize.ts";

/** All routes except those that are shared with another dialect. */
export const llamacppRoutes: readonly Route[] = [
  ...completionRoutes,
  ...infillRoutes,
  ...embeddingRoutes,
  ...modelRoutes,
  ...propsRoutes,
  ...slotRoutes,
  ...loraRoutes,
  ...controlRoutes,
];

/** Paths of llama-server beside those below `/v1`, and the paths that they stand for. */
export const LLAMACPP_ALIASES: Readonly<Record<string, string>> = {
  "/chat/completions": "/v1/chat/completions",
  "/chat/completions/input_tokens": "/v1/chat/completions/input_tokens",
  "/audio/transcriptions": "/v1/audio/transcriptions",
  "/responses": "/v1/responses",
  "/responses/input_tokens": "/v1/responses/input_tokens",
};
