import { fromFileUrl } from "@std/path";
import { DEFAULT_SHAPE, type ModelShape } from "./gguf_writer.ts";

/** A few million parameters: enough to see that a benchmark runs. */
export const QUICK_SHAPE: ModelShape = {
  ...DEFAULT_SHAPE,
  embedding: 256,
  layers: 4,
  heads: 4,
  kvHeads: 2,
  feedForward: 512,
};

/** The built-in model, which has learned to answer with JSON and to repeat. */
export const TINY = fromFileUrl(
  new URL("../../src/assets/tiny/shimmy-tiny.gguf", import.meta.url),
);

/** Bytes of a KV cache in half precision for one token. */
export function kvBytes({ embedding, heads, kvHeads, layers }: ModelShape): number {
  return 2 * 2 * layers * (embedding / heads) * kvHeads;
}
