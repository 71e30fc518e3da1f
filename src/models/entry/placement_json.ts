import type { ContextShape, EmbeddingStatus, Placement } from "../../engine/protocol/mod.ts";

/** Placement of a model on devices for JSON output of commands and routes, in bytes. */
export function placementJson(placement: readonly Placement[]) {
  return placement.map((part) => ({
    device: part.device,
    layers: part.layers,
    weight_bytes: part.weightBytes,
    kv_bytes: part.kvBytes,
    compute_bytes: part.computeBytes,
  }));
}

/** The embedding context for JSON output, in bytes. Null if no embedding context exists yet. */
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

/** The shape of a generation context for JSON output. */
export function shapeJson(shape: ContextShape) {
  return {
    context_length: shape.length,
    parallel: shape.sequences,
    kv_unified: shape.unified,
    kv_cells: shape.cells,
    kv_bytes: shape.kvBytes,
    swa_full: shape.swaFull,
    reason: shape.reason,
  };
}
