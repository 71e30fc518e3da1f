import type { Authorization } from "../../download/mod.ts";

/** The process environment that pulls depend on. Tests pass their own. */
export interface PullEnvironment {
  readonly env: (name: string) => string | undefined;
  readonly home: string | undefined;
  /** Returns Shimmy's cache folder. It is called only if the folder is needed. */
  readonly cacheFolder: () => string;
  /** Replaces the system's free space at a path, in bytes. */
  readonly freeSpace?: (path: string) => Promise<number | null>;
}

/** A file to download for a model. */
export interface PlannedFile {
  /** Display name. */
  readonly name: string;
  readonly url: string;
  /** Size in bytes, if known before the download. */
  readonly size: number | null;
  readonly sha256: string | null;
  /** Final path. */
  readonly path: string;
  /** Path of the incomplete file. */
  readonly part: string;
  /** Path of the lock that stops other processes from downloading the same file. */
  readonly lock: string;
  readonly authorization?: Authorization | undefined;
  readonly explain?: ((response: Response) => Error | null) | undefined;
  /** True if the file is already present. */
  readonly present: boolean;
}

/** Downloads of a pull. A plan writes nothing. */
export interface PullPlan {
  /** The reference in its canonical spelling, the key of the pull record. */
  readonly reference: string;
  /** Display name of the host. */
  readonly from: string;
  readonly files: readonly PlannedFile[];
  /**
   * Adds the downloaded files to the store or cache.
   *
   * @returns The model, and the files that were written in addition to those of the plan.
   */
  readonly finish: () => Promise<Finished>;
}

export interface Finished {
  readonly model: PulledModel;
  readonly written: readonly string[];
}

/** A model on this machine. */
export interface PulledModel {
  /** Model name from its file. Discovery adds a qualifier if another model has the same name. */
  readonly name: string;
  /** The path of its file, or of its shards in order. */
  readonly paths: readonly string[];
}

/** Bytes that a plan still has to download; `null` if a size is unknown. */
export function missingBytes({ files }: PullPlan): number | null {
  let sum = 0;
  for (const { present, size } of files) {
    if (present) continue;
    if (size === null) return null;
    sum += size;
  }
  return sum;
}
