import type { Embedding } from "../../engine/protocol/mod.ts";
import { ShimmyError } from "../../errors.ts";

/**
 * The first dimensions of an embedding, scaled to unit length, as Matryoshka embeddings are shortened
 * (https://platform.openai.com/docs/guides/embeddings, "Reducing embedding dimensions").
 * @throws {ShimmyError} `invalid` when the embedding has fewer dimensions.
 */
export function truncateEmbedding(
  vector: Embedding,
  dimensions: number | null | undefined,
): Embedding {
  if (!dimensions || dimensions === vector.length) return vector;
  if (dimensions > vector.length) {
    const message = `dimensions: must be at most ${vector.length}, the dimensions of this model`;
    throw new ShimmyError("invalid", message, { field: "dimensions" });
  }
  const kept = vector.slice(0, dimensions);
  const length = Math.hypot(...kept);
  return length === 0 ? kept : kept.map((value) => value / length);
}
