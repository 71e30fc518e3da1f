import { DEFAULT_SHAPE, writeModel } from "../../scripts/bench/gguf_writer.ts";
import { benchVocabulary } from "../../scripts/bench/vocabulary.ts";

/** Dimensions of a head, as in most models. */
const HEAD = 128;

/**
 * A model with random weights whose KV cache is wide for its size: with 8 heads, as wide as that of a layer
 * of models with 8 billion parameters. It has one layer and small matrices, so that a test computes long
 * prompts. The time of attention grows with the heads and with the square of the prompt.
 */
export async function writeWideCacheModel(
  path: string,
  { context, heads }: { readonly context: number; readonly heads: number },
): Promise<void> {
  const shape = { ...DEFAULT_SHAPE, type: "f16", layers: 1, feedForward: 256 } as const;
  const attention = { embedding: HEAD * heads, heads, kvHeads: heads };
  await writeModel(path, { ...shape, ...attention, context }, benchVocabulary(600));
}

/** KV cache bytes per token of such a model in single precision: keys and values. */
export function wideBytesPerToken(heads: number): number {
  return 2 * heads * HEAD * 4;
}
