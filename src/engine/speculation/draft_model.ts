import { Batch, type Context } from "../../../ffi/mod.ts";
import { isDraftLength } from "./draft_policy.ts";
import type { DraftedSequence } from "./drafted_sequence.ts";

/**
 * Minimum probability of a drafted token. A less likely token ends the draft, where its length
 * permits.
 */
const MIN_PROBABILITY = 0.6;

/** The parts of a context that a draft model needs. */
type DraftContext = Pick<
  Context,
  "batchSize" | "decode" | "lastPosition" | "logits" | "removeTokens"
>;

/**
 * A draft model: a small model with the same vocabulary as the target model.
 *
 * Its context has one stream per stream of the target. Each draft first brings the stream up to the
 * accepted tokens.
 */
export class DraftModel {
  readonly #context: DraftContext;
  readonly #batch: Batch;
  /** Tokens in the KV cache of the draft model, by stream. */
  readonly #cached = new Map<number, number[]>();

  constructor(context: DraftContext) {
    this.#context = context;
    this.#batch = new Batch(context.batchSize);
  }

  /**
   * Drafts tokens for several sequences in common batches. `limits` has the maximum draft length of
   * each.
   * @throws {NativeError} if the model cannot compute; its cells are then undefined.
   */
  propose(sequences: readonly DraftedSequence[], limits: readonly number[]): number[][] {
    const drafts: number[][] = sequences.map(() => []);
    for (const sequence of sequences) if (!this.#catchUp(sequence, sequences)) return drafts;
    let open = sequences.map((_, index) => index).filter((index) => limits[index]! > 0);
    while (open.length > 0) {
      this.#batch.clear();
      const outputs = open.map((index) => {
        const sequence = sequences[index]!;
        return this.#add(
          sequence.stream!.id,
          drafts[index]!.at(-1) ?? sequence.tokens.at(-1)!,
          true,
        );
      });
      if (!this.#compute(sequences)) return drafts;
      open = open.filter((index, at) => {
        const draft = drafts[index]!;
        const { token, probability } = this.#likeliest(outputs[at]!);
        if (probability < MIN_PROBABILITY && isDraftLength(draft.length)) return false;
        draft.push(token);
        return draft.length < limits[index]!;
      });
    }
    return drafts;
  }

  /**
   * Computes the tokens of a sequence that the draft model's stream does not hold, except the last
   * token.
   * @returns false if its context is full.
   */
  #catchUp(sequence: DraftedSequence, all: readonly DraftedSequence[]): boolean {
    const { id } = sequence.stream!;
    const { tokens } = sequence;
    const held = this.#cached.get(id) ?? [];
    this.#cached.set(id, held);
    let same = 0;
    const end = tokens.length - 1;
    while (same < Math.min(held.length, end) && held[same] === tokens[same]) same++;
    if (same < held.length) {
      this.#context.removeTokens(id, same, -1);
      held.length = same;
    }
    while (held.length < end) {
      this.#batch.clear();
      while (held.length < end && this.#batch.room > 0) {
        this.#add(id, tokens[held.length]!, held.length === end - 1);
      }
      if (!this.#compute(all)) return false;
    }
    return true;
  }

  /**
   * Computes the batch. If a buffer that all streams share is full, the streams of other sequences are
   * cleared first.
   * @returns false if it is full nevertheless.
   */
  #compute(sequences: readonly DraftedSequence[]): boolean {
    if (this.#context.decode(this.#batch) === "done") return true;
    const drafted = new Set(sequences.map(({ stream }) => stream!.id));
    for (const [id, held] of this.#cached) {
      if (drafted.has(id)) continue;
      this.#context.removeTokens(id, -1, -1);
      held.length = 0;
    }
    if (this.#context.decode(this.#batch) === "done") return true;
    for (const id of drafted) {
      const held = this.#cached.get(id);
      if (held === undefined) continue;
      held.length = Math.min(held.length, this.#context.lastPosition(id) + 1);
    }
    return false;
  }

  #add(stream: number, token: number, output: boolean): number {
    const held = this.#cached.get(stream)!;
    const index = this.#batch.add(token, held.length, stream, output);
    held.push(token);
    return index;
  }

  #likeliest(output: number): { readonly token: number; readonly probability: number } {
    const logits = this.#context.logits(output);
    let best = 0;
    for (let id = 1; id < logits.length; id++) if (logits[id]! > logits[best]!) best = id;
    let sum = 0;
    for (const logit of logits) sum += Math.exp(logit - logits[best]!);
    return { token: best, probability: 1 / sum };
  }
}
