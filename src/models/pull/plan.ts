import type { Authorization } from "../../download/mod.ts";

/** What surrounds pulling: the environment and where things lie; tests give their own. */
export interface PullSurroundings {
  readonly env: (name: string) => string | undefined;
  readonly home: string | undefined;
  /** Names Shimmy's cache folder; asked only when it is needed. */
  readonly cacheFolder: () => string;
  /** Bytes that are free where a path is, in place of what the system says. */
  readonly freeSpace?: (path: string) => Promise<number | null>;
}

/** A file that a model needs. */
export interface PlannedFile {
  /** For people. */
  readonly name: string;
  readonly url: string;
  /** In bytes, where it is known beforehand. */
  readonly size: number | null;
  readonly sha256: string | null;
  /** Where the bytes go. */
  readonly path: string;
  /** Where they are until they are whole. */
  readonly part: string;
  /** Keeps others from fetching the same. */
  readonly lock: string;
  readonly authorization?: Authorization | undefined;
  readonly explain?: ((response: Response) => Error | null) | undefined;
  /** True when it is there already. */
  readonly present: boolean;
}

/** What pulling a model takes, worked out before anything is written. */
export interface PullPlan {
  /** In the one spelling that it is recorded under. */
  readonly reference: string;
  /** The host it comes from, for people. */
  readonly from: string;
  readonly files: readonly PlannedFile[];
  /**
   * Puts what was downloaded in its place.
   *
   * @returns the model, and the files that were written besides those of the plan.
   */
  readonly finish: () => Promise<Finished>;
}

export interface Finished {
  readonly model: PulledModel;
  readonly written: readonly string[];
}

/** A model that is here. */
export interface PulledModel {
  /** After its file; where another model has that name, discovery adds to it. */
  readonly name: string;
  /** The path of its file, or of its shards in order. */
  readonly paths: readonly string[];
}

/** Bytes that a plan still brings; `null` where a size is not known beforehand. */
export function missingBytes({ files }: PullPlan): number | null {
  let sum = 0;
  for (const { present, size } of files) {
    if (present) continue;
    if (size === null) return null;
    sum += size;
  }
  return sum;
}
