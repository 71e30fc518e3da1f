import type { Model } from "../../ffi/mod.ts";
import type { KvType } from "./protocol.ts";

/** Bytes a value takes in the KV cache; quantized types share a scale among 32 values. */
const BYTES_PER_VALUE: Readonly<Record<KvType, number>> = {
  f32: 4,
  f16: 2,
  bf16: 2,
  q8_0: 34 / 32,
  q5_1: 24 / 32,
  q5_0: 22 / 32,
  q4_1: 20 / 32,
  q4_0: 18 / 32,
  iq4_nl: 18 / 32,
};

/** The KV cache takes at most this share of the free memory unless the user asks for more. */
const SHARE_OF_FREE = 0.5;
/** And at most this many bytes. */
const MOST_BYTES = 4 * 2 ** 30;
/** No context is made shorter than this to save memory. */
const SHORTEST = 2048;
/** libllama rounds a sequence's cells up to a multiple of this. */
const CELL_STEP = 256;

/** Bytes the KV cache takes for one token: keys and values of every layer. */
export function kvBytesPerToken(model: Model, type: KvType): number {
  const headLength = model.heads > 0 ? model.embeddingLength / model.heads : 0;
  return model.layers * model.kvHeads * headLength * 2 * BYTES_PER_VALUE[type];
}

/** What a context has to fit into. */
export interface ContextQuestion {
  /** Tokens a sequence shall hold; 0 leaves it to us. */
  readonly asked: number;
  /** Tokens the model was trained on. */
  readonly trained: number;
  readonly sequences: number;
  readonly bytesPerToken: number;
  /** Bytes of free memory. */
  readonly available: number;
}

/**
 * How many tokens a sequence may hold: what was asked for, else as many as the model was trained on, or
 * fewer where memory is short; then a note says so.
 */
export function chooseContext(question: ContextQuestion): { length: number; notes: string[] } {
  const { asked, trained, sequences, bytesPerToken, available } = question;
  if (asked > 0) {
    return {
      length: asked,
      notes: asked > trained && trained > 0
        ? [`The context of ${asked} tokens is longer than the ${trained} the model was trained on`]
        : [],
    };
  }
  const wanted = trained > 0 ? trained : SHORTEST;
  const budget = Math.min(available * SHARE_OF_FREE, MOST_BYTES);
  const fitting = bytesPerToken > 0
    ? Math.floor(budget / (bytesPerToken * sequences) / CELL_STEP) * CELL_STEP
    : wanted;
  if (fitting >= wanted) return { length: wanted, notes: [] };
  const length = Math.min(wanted, Math.max(SHORTEST, fitting));
  return {
    length,
    notes: [
      `The context is ${length} tokens and not the ${wanted} the model was trained on, to save ` +
      `memory; --ctx sets another length`,
    ],
  };
}
