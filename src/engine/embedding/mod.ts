export { Embedder, firstContext } from "./embedder.ts";
export { configureEmbedding } from "./embedding_context.ts";
export { EmbedQueue } from "./embedding_queue.ts";
