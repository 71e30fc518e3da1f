import type { Embedding } from "../../engine/protocol/mod.ts";
import { ShimmyError } from "../../errors.ts";

/**
 * The first dimensions of an embedding, scaled to length 1 again: what models trained for it (Matryoshka)
 * are meant to be cut to (https://platform.openai.com/docs/guides/embeddings, "Reducing embedding
 * dimensions").
 * @throws {ShimmyError} `invalid` where there are not so many.
 */
export function shortened(vector: Embedding, dimensions: number | null | undefined): Embedding {
  if (!dimensions || dimensions === vector.length) return vector;
  if (dimensions > vector.length) {
    const message = `dimensions: must be ${vector.length} or less, for this model has no more`;
    throw new ShimmyError("invalid", message, { field: "dimensions" });
  }
  const kept = vector.slice(0, dimensions);
  const length = Math.hypot(...kept);
  return length === 0 ? kept : kept.map((value) => value / length);
}
