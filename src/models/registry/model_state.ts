import type { ShimmyError } from "../../errors.ts";
import type { Engine } from "../../engine/mod.ts";
import type { ModelEntry } from "../entry/mod.ts";
import type { Tenancy } from "../memory/mod.ts";

/** Loads a model. */
export type LoadEngine = (
  entry: ModelEntry,
  options: {
    /** From 0 to 1. */
    readonly onProgress: (fraction: number) => void;
    readonly signal: AbortSignal;
  },
) => Promise<Engine>;

/** A load on its way. Those who wait for it share `outcome`. */
export interface Loading {
  readonly state: "loading";
  readonly tenancy: Tenancy;
  readonly outcome: Promise<Engine>;
  /** Ends the load and tells everyone who waits for it why. */
  readonly abandon: (reason: ShimmyError) => void;
  /** Resolves when the loader has come back, whatever the outcome. */
  readonly ended: Promise<void>;
  progress: number;
  waiting: number;
}

export interface Loaded {
  readonly state: "loaded";
  readonly tenancy: Tenancy;
  readonly engine: Engine;
}

export interface Failed {
  readonly state: "failed";
  readonly error: string;
}

/** What there is of a model. */
export type Slot = Loading | Loaded | Failed;

/** The same file under other adapters, or loaded with other settings, is another engine. */
export function keyOf({ paths, loras, settings = {} }: ModelEntry): string {
  const { contextLength, parallel, kvType, gpuLayers } = settings;
  return JSON.stringify([paths, loras, { contextLength, parallel, kvType, gpuLayers }]);
}
