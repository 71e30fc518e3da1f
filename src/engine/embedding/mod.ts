/** Embeddings and reranking scores: context, queue, batches. */
export { Embedder, initialContextSize } from "./embedder.ts";
export { configureEmbedding } from "./embedding_context.ts";
export { EmbeddingQueue } from "./embedding_queue.ts";
