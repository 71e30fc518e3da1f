/** A draft model that has learned which token follows each token, whatever was before. */
import { buildGguf } from "./build_gguf.ts";
import { windowedParts } from "./windowed.ts";

/** Large enough that the learned token has a probability close to 1. */
const CERTAINTY = 10;

/**
 * The model's file. Its layers have a sliding window, but add nothing to the embedding of the last token.
 * @param followers the token to propose after a token
 */
export function bigramModel(followers: ReadonlyMap<number, number>): Uint8Array<ArrayBuffer> {
  const parts = windowedParts();
  const values = (name: string): Float32Array => {
    const { shape, offset = 0 } = parts.tensors.find((tensor) => tensor.name === name)!;
    const length = shape.reduce((product, dimension) => product * dimension, 1);
    return new Float32Array(parts.weights.buffer, offset, length);
  };
  for (const { name } of parts.tensors) {
    if (/\.post_\w+_norm\./.test(name)) values(name).fill(0);
  }
  const norm = values("output_norm.weight").fill(1);
  const width = norm.length;
  const embeddings = values("token_embd.weight");
  const outputs = values("output.weight").fill(0);
  for (const [token, follower] of followers) {
    const embedding = embeddings.subarray(token * width, (token + 1) * width);
    const length = Math.hypot(...embedding);
    embedding.forEach((value, at) => {
      outputs[follower * width + at]! += CERTAINTY * value / length;
    });
  }
  return buildGguf(parts);
}
