import type { ShimmyError } from "../../errors.ts";
import type { Engine } from "../../engine/mod.ts";
import type { ModelEntry } from "../entry/mod.ts";
import type { Reservation } from "../memory/mod.ts";

/** Loads a model. */
export type LoadEngine = (
  entry: ModelEntry,
  options: {
    /** From 0 to 1. */
    readonly onProgress: (fraction: number) => void;
    readonly signal: AbortSignal;
  },
) => Promise<Engine>;

/** A model that is loading. Callers share `outcome`. */
export interface LoadingInstance {
  readonly state: "loading";
  readonly reservation: Reservation;
  readonly outcome: Promise<Engine>;
  /** Aborts the load. All callers get the reason. */
  readonly abort: (reason: ShimmyError) => void;
  /** Resolves when the load function has returned, whatever the outcome. */
  readonly ended: Promise<void>;
  progress: number;
  waiting: number;
}

export interface LoadedInstance {
  readonly state: "loaded";
  readonly reservation: Reservation;
  readonly engine: Engine;
}

export interface FailedInstance {
  readonly state: "failed";
  readonly error: string;
}

/** State of a model in the loader. */
export type ModelInstance = LoadingInstance | LoadedInstance | FailedInstance;

/**
 * Key of an entry's engine: files, adapters and load settings. Different adapters or settings need
 * another engine.
 */
export function engineKey({ paths, loras, projector, settings = {} }: ModelEntry): string {
  const { contextLength, parallel, kvType, gpuLayers } = settings;
  return JSON.stringify([paths, loras, projector, { contextLength, parallel, kvType, gpuLayers }]);
}
