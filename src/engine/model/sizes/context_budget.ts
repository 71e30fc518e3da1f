/** Main memory for compute buffers and saved states. */
const MAIN_OVERHEAD_BYTES = 512 * 2 ** 20;
/**
 * Share of the main memory beside the weights and that overhead which the KV cache of a model may take. The
 * rest is for other programs and models.
 */
const MAIN_SHARE = 0.75;
/** The same for a context that a long request needs at once. */
const MAIN_SHARE_ON_REQUEST = 0.9;
/**
 * Maximum bytes of main memory for the first context of a model. libllama writes zeros to the whole KV
 * cache, which takes half a second of a core for each GiB. A longer request gets a larger context.
 */
export const FIRST_CONTEXT_BYTES = 4 * 2 ** 30;
/** The same shares of the free memory of devices, beside `DEVICE_COMPUTE_BYTES`. */
const DEVICE_SHARE = 0.95;
/** Free memory of devices for compute buffers. */
const DEVICE_COMPUTE_BYTES = 256 * 2 ** 20;
/**
 * Maximum bytes of the KV cache per byte of the model. Llama 3.2 1B, whose context is long for its size,
 * needs about five for each sequence. The header of a small file could otherwise claim a length that
 * takes gigabytes.
 */
const MAX_BYTES_PER_MODEL_BYTE = 32;
/** The KV cache of a model of any size may have these bytes. */
const SMALL_BYTES = 128 * 2 ** 20;

/** Memory for a KV cache. */
export interface ContextMemory {
  /** Whether the KV cache is in main memory. */
  readonly isMain: boolean;
  /**
   * Free bytes. Main memory: before the weights are read. Devices: beside the weights, and after the
   * reserve of each device.
   */
  readonly available: number;
  /** Size of the model in bytes. */
  readonly modelBytes: number;
  /** Whether a request waits for the context; then it may take more of main memory. */
  readonly isRequested?: boolean;
}

/** Maximum bytes of the KV cache in this memory. */
export function contextBudget(
  { isMain, available, modelBytes, isRequested }: ContextMemory,
): number {
  const plausible = Math.max(SMALL_BYTES, modelBytes * MAX_BYTES_PER_MODEL_BYTE);
  return Math.min(
    plausible,
    Math.max(
      0,
      isMain
        ? mainBudget(available - modelBytes - MAIN_OVERHEAD_BYTES, isRequested ?? false)
        : available * DEVICE_SHARE - DEVICE_COMPUTE_BYTES,
    ),
  );
}

function mainBudget(left: number, isRequested: boolean): number {
  if (isRequested) return left * MAIN_SHARE_ON_REQUEST;
  return Math.min(FIRST_CONTEXT_BYTES, left * MAIN_SHARE);
}

/** Bytes to leave free on a device: the requested number, else an eighth of the device, at most 1 GiB. */
export function deviceReserve(memoryTotal: number, requested: number | null | undefined): number {
  return requested ?? Math.min(2 ** 30, Math.floor(memoryTotal / 8));
}
