import type { Candidates, Library, Vocab } from "../../../ffi/mod.ts";
import type { Sampling } from "../protocol/mod.ts";
import type { TokenText } from "./phase_tracker.ts";

/** Properties of the loaded model that sampling needs, shared by all sequences. */
export interface SamplerModel {
  readonly library: Library;
  readonly vocab: Vocab;
  /** Sampling recommended by the model file. */
  readonly recommended: Partial<Sampling>;
  /** Maximum tokens of one sequence: the window of penalties set to -1. */
  readonly sequenceLength: number;
  /** End-of-generation tokens. */
  readonly endOfGeneration: readonly number[];
  /** Conversion between tokens and text. */
  readonly tokenText: TokenText;
  /** Accumulated time in native samplers, in milliseconds. */
  readonly native: { ms: number };
  /** Scratch space for a single call. */
  readonly candidates: Candidates;
}
