import type { ModelEntry } from "../entry/mod.ts";

/** Main memory, among the names of devices. */
export const MAIN_MEMORY = "";

/** What a model would take of one memory, and what is free there. Bytes. */
export interface Demand {
  /** A device's name, or {@linkcode MAIN_MEMORY}. */
  readonly memory: string;
  readonly need: number;
  readonly free: number;
}

/** What loading a model would take. */
export interface Survey {
  readonly demands: readonly Demand[];
  /** Where a device is short of memory, fewer of the model's layers may go there. */
  readonly canShrink: boolean;
}

/** How a model is looked at. */
export interface SurveyHow {
  /** With as many layers on the devices as fit, instead of those that are wished for. */
  readonly fewer: boolean;
  /**
   * Bytes that loaded models have on devices, by the devices' names: some drivers call all of their
   * memory free, whoever has it.
   */
  readonly held: ReadonlyMap<string, number>;
  readonly signal: AbortSignal;
}

/** How admission learns of memory. */
export interface MemoryLimits {
  /**
   * Looks at what a model needs and what is free, now.
   * @throws {ShimmyError} why the model could not be loaded at all; the signal's reason.
   */
  readonly survey: (
    entry: ModelEntry,
    how: SurveyHow,
  ) => Promise<Survey>;
  /** Bytes of main memory the system has to give now. */
  readonly available: () => number;
}
