import type { AdapterCombination } from "../../adapters/mod.ts";
import type { AppliedAdapter, Range, SequenceTrace } from "../../protocol/mod.ts";
import type { TokenSampler } from "../../sampling/mod.ts";

/** Records how a sequence is computed. Its own token list: a context shift discards tokens of the stream. */
export class SequenceTracer {
  readonly #promptTokens: readonly number[];
  readonly #tokens: number[] = [];
  #prefillRows: Range = null;
  #decodeRows: Range = null;
  #sequences: Range = null;

  constructor(prompt: readonly number[]) {
    this.#promptTokens = [...prompt];
  }

  /** Records a sampled token. */
  token(token: number): void {
    this.#tokens.push(token);
  }

  /** Forgets all tokens after the first `count`. */
  rewind(count: number): void {
    this.#tokens.length = count;
  }

  /** Records a batch that the sequence was part of. */
  batch(rows: number, sequences: number, isPrefill: boolean): void {
    if (isPrefill) this.#prefillRows = extended(this.#prefillRows, rows);
    else this.#decodeRows = extended(this.#decodeRows, rows);
    this.#sequences = extended(this.#sequences, sequences);
  }

  /** The record, at the end of the sequence. */
  trace(
    sampler: Pick<TokenSampler, "initial" | "isSteered">,
    adapters: AdapterCombination,
  ): SequenceTrace {
    const { answer, reasoning } = sampler.initial;
    return {
      promptTokens: this.#promptTokens,
      tokens: this.#tokens,
      sampling: answer,
      ...(reasoning === null ? {} : { reasoningSampling: reasoning }),
      isSteered: sampler.isSteered,
      adapters: appliedAdapters(adapters),
      batches: {
        prefillRows: this.#prefillRows,
        decodeRows: this.#decodeRows,
        sequences: this.#sequences,
      },
    };
  }
}

/** The key of a combination lists the digest, scale and layers of its members. */
function appliedAdapters({ key }: AdapterCombination): AppliedAdapter[] {
  const members = JSON.parse(key) as [string, number, AppliedAdapter["layers"]][];
  return members.map(([digest, scale, layers]) => ({ digest, scale, layers }));
}

function extended(range: Range, count: number): Range {
  return range === null ? [count, count] : [Math.min(range[0], count), Math.max(range[1], count)];
}
