import type { EmbeddingStatus, Placement } from "../../engine/protocol/mod.ts";

/** Where a model lies, as commands and routes tell programs: bytes. */
export function placementJson(placement: readonly Placement[]) {
  return placement.map((part) => ({
    device: part.device,
    layers: part.layers,
    weight_bytes: part.weightBytes,
    kv_bytes: part.kvBytes,
    compute_bytes: part.computeBytes,
  }));
}

/** The context that embeds: bytes, and null where there is none yet. */
export function embeddingJson(embedding: EmbeddingStatus | null) {
  if (embedding === null) return null;
  return {
    input_limit: embedding.inputLimit,
    context_length: embedding.contextLength,
    memory: embedding.memory?.map(({ device, kvBytes, computeBytes }) => ({
      device,
      kv_bytes: kvBytes,
      compute_bytes: computeBytes,
    })) ?? null,
  };
}
