import type { ModelEntry } from "../entry/mod.ts";

/** The name of main memory among the names of devices. */
export const MAIN_MEMORY = "";

/** Bytes that a model needs of one memory, and the free bytes there. */
export interface MemoryRequirement {
  /** Name of a device, or {@linkcode MAIN_MEMORY}. */
  readonly memory: string;
  readonly required: number;
  readonly free: number;
}

/** Memory that loading a model needs. */
export interface MemoryEstimate {
  readonly requirements: readonly MemoryRequirement[];
  /** If a device is short of memory, fewer of the model's layers can be offloaded to it. */
  readonly canOffloadLess: boolean;
}

/** Options of a memory estimate. */
export interface EstimateOptions {
  /** Offload as many layers as fit on the devices, instead of the configured number. */
  readonly fitLayers: boolean;
  /**
   * Bytes that loaded models use on devices, by device name. Some drivers report all of their
   * memory as free, whatever is in use.
   */
  readonly onDevices: ReadonlyMap<string, number>;
  readonly signal: AbortSignal;
}

/** How admission measures memory. */
export interface MemoryProbe {
  /**
   * Estimates what a model needs and measures what is free.
   *
   * @throws {ShimmyError} Why the model cannot be loaded at all.
   * @throws The signal's reason.
   */
  readonly estimate: (
    entry: ModelEntry,
    options: EstimateOptions,
  ) => Promise<MemoryEstimate>;
  /** Bytes of main memory that are available now. */
  readonly available: () => number;
}
