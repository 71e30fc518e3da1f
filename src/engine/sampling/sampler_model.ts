import type { Candidates, Library, Vocab } from "../../../ffi/mod.ts";
import type { Sampling } from "../protocol/mod.ts";
import type { TokenText } from "./phase_tracker.ts";

/** What sampling needs of the loaded model; shared by all its sequences. */
export interface SamplerModel {
  readonly library: Library;
  readonly vocab: Vocab;
  /** Sampling the model's file recommends. */
  readonly recommended: Partial<Sampling>;
  /** Tokens one sequence may hold: how far a window of -1 looks back. */
  readonly sequenceLength: number;
  /** Tokens that end an answer. */
  readonly endOfGeneration: readonly number[];
  /** Text of tokens, and tokens of texts. */
  readonly tokenText: TokenText;
  /** Milliseconds spent in native samplers so far. */
  readonly native: { ms: number };
  /** Scratch space, used within a single call. */
  readonly candidates: Candidates;
}
