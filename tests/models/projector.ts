import { buildGguf } from "./build_gguf.ts";

/**
 * The header of a projector, with a small tensor.
 *
 * @param width length of its embeddings
 * @param reads what it has encoders for
 */
export function projectorFile(
  width = 64,
  reads: readonly ("vision" | "audio")[] = [],
): Uint8Array<ArrayBuffer> {
  return buildGguf({
    metadata: {
      "general.architecture": "clip",
      "general.type": "mmproj",
      "clip.vision.projection_dim": width,
      ...Object.fromEntries(reads.map((input) => [`clip.has_${input}_encoder`, true])),
    },
    tensors: [{ name: "a", shape: [8] }],
    weights: 32,
  });
}
