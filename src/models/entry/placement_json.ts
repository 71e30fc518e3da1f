import type { LoadPlan } from "../../engine/planning/mod.ts";
import type {
  ContextShape,
  DeviceInfo,
  EmbeddingStatus,
  Placement,
} from "../../engine/protocol/mod.ts";

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

/** Devices for JSON output of commands and routes. Sizes are in bytes. */
export function devicesJson(devices: readonly DeviceInfo[]) {
  return devices.map((device) => ({
    name: device.name,
    description: device.description,
    kind: device.kind,
    backend: device.backend,
    memory_free: device.memoryFree,
    memory_total: device.memoryTotal,
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

/** The plan of a load for JSON output of commands and routes. Sizes are in bytes. */
export function planJson(plan: LoadPlan) {
  return {
    fits: plan.fits,
    layers: plan.layers,
    offloaded_layers: plan.offloadedLayers,
    context_length: plan.contextLength,
    parallel: plan.parallel,
    context: shapeJson(plan.shape),
    memory: plan.memory,
    sliding_window_bytes: plan.slidingBytes,
    devices: plan.devices.map((device) => ({
      ...placementJson([device])[0]!,
      cache_bytes: device.cacheBytes,
      memory_free: device.memoryFree,
      memory_total: device.memoryTotal,
      memory_reserved: device.memoryReserved,
    })),
    expert_bytes: plan.expertBytes,
    saved_bytes: plan.savedBytes,
    notes: [...plan.notes],
  };
}
