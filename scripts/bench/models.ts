import { fileURLToPath } from "node:url";
import { DEFAULT_SHAPE, type ModelShape } from "./gguf_writer.ts";

/** A few million parameters, to check that a benchmark runs. */
export const QUICK_SHAPE: ModelShape = {
  ...DEFAULT_SHAPE,
  embedding: 256,
  layers: 4,
  heads: 4,
  kvHeads: 2,
  feedForward: 512,
};

/** The built-in model, which was trained to answer with JSON and to repeat. */
export const TINY = fileURLToPath(
  new URL("../../src/assets/tiny/shimmy-tiny.gguf", import.meta.url),
);

/** KV cache bytes per token in half precision. */
export function kvBytes({ embedding, heads, kvHeads, layers }: ModelShape): number {
  return 2 * 2 * layers * (embedding / heads) * kvHeads;
}
