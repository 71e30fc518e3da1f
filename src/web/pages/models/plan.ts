import type { DeviceMemory } from "../../memory/mod.ts";

/** A device of a plan; sizes are in bytes. */
export interface PlannedDevice {
  readonly device: string;
  readonly layers: number;
  readonly weight_bytes: number;
  readonly kv_bytes: number | null;
  readonly compute_bytes: number | null;
  readonly cache_bytes: number;
  readonly memory_free: number;
  readonly memory_total: number;
  readonly memory_reserved: number;
}

/** The used part of `GET /api/models/:name/plan`. */
export interface Plan {
  readonly fits: boolean;
  readonly layers: number;
  readonly offloaded_layers: number;
  readonly context_length: number;
  readonly parallel: number;
  readonly context: { readonly reason: string };
  readonly devices: readonly PlannedDevice[];
  readonly notes: readonly string[];
}

/** The memory of a device if the model was loaded. Cached states take at most what is then free. */
export function planMemory(device: PlannedDevice): DeviceMemory {
  const { memory_total: total, memory_free: free, memory_reserved: reserved } = device;
  const needed = device.weight_bytes + (device.kv_bytes ?? 0) + (device.compute_bytes ?? 0);
  return {
    device: device.device,
    weights: device.weight_bytes,
    kv: device.kv_bytes,
    compute: device.compute_bytes,
    used: Math.max(0, total - free),
    reserved,
    cache: Math.max(0, Math.min(device.cache_bytes, free - reserved - needed)),
    total,
  };
}
