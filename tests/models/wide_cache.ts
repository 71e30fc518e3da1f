import { DEFAULT_SHAPE, type ModelShape, writeModel } from "../../scripts/bench/gguf_writer.ts";
import { benchVocabulary } from "../../scripts/bench/vocabulary.ts";

/**
 * A model with random weights whose KV cache is as wide as that of models with 8 billion parameters: 8
 * heads of 128 values per layer. It has few layers and small matrices, so that a test computes long
 * prompts.
 */
export async function writeWideCacheModel(path: string, context: number): Promise<void> {
  await writeModel(path, { ...SHAPE, context }, benchVocabulary(600));
}

const SHAPE: ModelShape = {
  ...DEFAULT_SHAPE,
  type: "f16",
  embedding: 1024,
  layers: 1,
  heads: 8,
  kvHeads: 8,
  feedForward: 256,
};

/** KV cache bytes per token in single precision: keys and values. */
export const WIDE_BYTES_PER_TOKEN = 2 * 8 * 128 * 4;
