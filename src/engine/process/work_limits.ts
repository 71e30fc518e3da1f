import { DEFAULT_BATCH } from "../model/mod.ts";
import { fileSize } from "../native/mod.ts";
import type { LoadOptions } from "../protocol/mod.ts";

/** Seconds that any piece of work may take, whatever the model's size. */
const BASE_S = 60;
/** Bytes per second at which the slowest disks and network folders return weights. */
const READ_RATE = 20e6;
/**
 * Bytes of weights and KV cache that a slow processor computes with in a second, for each token. Each
 * byte takes about four operations; two old cores do 20 thousand million in a second.
 */
const COMPUTE_RATE = 5e9;

/**
 * How long the engine thread may take for a piece of work before it counts as hung. The limits are far
 * beyond what work takes on a slow machine: to end a process that computes would lose its answers.
 */
export class WorkLimits {
  /** Nothing counts as hung. */
  static readonly NONE = new WorkLimits(0, 0, 0);

  private constructor(
    readonly fixed: number | null,
    readonly weightBytes: number,
    readonly batchSize: number,
  ) {}

  /** The limits for a model. A fixed limit in the options replaces those by size. */
  static of(
    { stepTimeout, modelPaths, draftPaths = [], projector, batchSize }: WorkOptions,
  ): WorkLimits {
    const paths = [...modelPaths, ...draftPaths, ...(projector ? [projector.path] : [])];
    const bytes = paths.reduce((sum, path) => sum + fileSize(path), 0);
    return new WorkLimits(stepTimeout ?? null, bytes, batchSize || DEFAULT_BATCH);
  }

  /** Seconds to handle a message; during a load, seconds between two reports of its progress. */
  get message(): number {
    return this.fixed ?? BASE_S + this.weightBytes / READ_RATE;
  }

  /**
   * Seconds for a batch. The weights may have to be read again where memory is short.
   *
   * @param kvBytes Size of the KV cache.
   * @param inputLimit Maximum tokens of an input to be embedded; 0 without such inputs.
   */
  step(kvBytes: number, inputLimit: number): number {
    const tokens = Math.max(this.batchSize, inputLimit);
    return this.fixed ?? this.message + tokens * (this.weightBytes + kvBytes) / COMPUTE_RATE;
  }
}

type WorkOptions = Pick<
  LoadOptions,
  "stepTimeout" | "modelPaths" | "draftPaths" | "projector" | "batchSize"
>;
