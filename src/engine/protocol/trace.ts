import type { LayerRange } from "./adapters.ts";
import type { Sampling } from "./sampling.ts";

/** How an answer was computed: what is needed to compute it again and to compare. */
export interface SequenceTrace {
  readonly promptTokens: readonly number[];
  /** All sampled tokens, a final end-of-generation token included. */
  readonly tokens: readonly number[];
  /** The complete sampling, with the seed that was drawn. */
  readonly sampling: Sampling;
  /** The sampling of the reasoning, if it differs. */
  readonly reasoningSampling?: Sampling;
  /** The sampling was changed during the answer. */
  readonly isSteered: boolean;
  readonly adapters: readonly AppliedAdapter[];
  readonly batches: BatchShapes;
}

/** An adapter that was applied to a sequence. */
export interface AppliedAdapter {
  /** SHA-256 of the file in hexadecimal. */
  readonly digest: string;
  readonly scale: number;
  readonly layers: LayerRange | null;
}

/** The smallest and the largest of some counts; null without any. */
export type Range = readonly [least: number, most: number] | null;

/**
 * The batches that a sequence was computed in. Kernels may round differently for other numbers of rows
 * and sequences.
 */
export interface BatchShapes {
  /** Rows of the batches with its prompt; padding and other sequences count. */
  readonly prefillRows: Range;
  /** Rows of the batches with its answer. */
  readonly decodeRows: Range;
  /** Sequences in a batch. */
  readonly sequences: Range;
}
