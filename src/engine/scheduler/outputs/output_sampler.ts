import type { FinishReason, SequenceEvent } from "../../protocol/mod.ts";
import { sampledLogprobs, tokenLogprobs } from "../../sampling/mod.ts";
import type { Tokenizer } from "../../tokenizer/mod.ts";
import type { CurrentContext } from "../growth/current_context.ts";
import type { Sequence } from "../sequence.ts";
import { scorePrompt } from "./prompt_logprobs.ts";

/** Receives what happens to the sequences of a batch. */
export interface OutputReceiver {
  readonly emit: (id: number, event: SequenceEvent) => void;
  /** A sequence has ended. */
  readonly finish: (sequence: Sequence, reason: FinishReason) => void;
  /** A sequence has failed. */
  readonly fail: (sequence: Sequence, error: unknown, forget: boolean) => void;
  /** A sequence has filled its stream. */
  readonly outgrow: (sequence: Sequence) => void;
}

/** Reads the outputs of computed batches: samples tokens, and scores the tokens of prompts. */
export class OutputSampler {
  readonly #current: CurrentContext;
  readonly #tokenizer: Tokenizer;
  readonly #receiver: OutputReceiver;

  constructor(current: CurrentContext, tokenizer: Tokenizer, receiver: OutputReceiver) {
    this.#current = current;
    this.#tokenizer = tokenizer;
    this.#receiver = receiver;
  }

  /** Samples the next tokens of the sequences whose last token was in the batch. */
  sample(members: readonly Sequence[]): void {
    for (const sequence of members) {
      try {
        this.reportProgress(sequence);
        if (sequence.scoresPrompt) this.#scorePrompt(sequence);
        if (sequence.outputs.length === 0) continue;
        sequence.markPrefilled();
        this.#sampleFrom(sequence);
      } catch (error) {
        this.#receiver.fail(sequence, error, false);
      }
    }
  }

  /** Reports how far a prompt is computed, if the request asks for it. */
  reportProgress(sequence: Sequence): void {
    const event = sequence.progress();
    if (event !== null) this.#receiver.emit(sequence.id, event);
  }

  /** Reports the log probabilities of the prompt tokens in the batch. */
  #scorePrompt(sequence: Sequence): void {
    const logprobs = scorePrompt(sequence, this.#current.model.context, this.#tokenizer);
    if (logprobs.length > 0) this.#receiver.emit(sequence.id, { type: "prompt", logprobs });
  }

  /**
   * Samples from the outputs as long as the sampled token equals the drafted one. Each token is
   * sampled exactly as without a draft.
   */
  #sampleFrom(sequence: Sequence): void {
    let accepted = 0;
    let finish: FinishReason | null = null;
    for (const output of sequence.outputs) {
      finish = this.#sampleOne(sequence, output);
      if (finish !== null || sequence.tokens.at(-1) !== sequence.draft[accepted]) break;
      accepted++;
    }
    this.#current.parts.speculation.record(sequence, accepted);
    if (sequence.draft.length > 0) this.#removeRejected(sequence, finish);
    if (finish !== null) this.#receiver.finish(sequence, finish);
    else if (sequence.room < 1) this.#receiver.outgrow(sequence);
  }

  /** Removes rejected drafted tokens from the KV cache. */
  #removeRejected({ stream, tokens }: Sequence, finish: FinishReason | null): void {
    // The last sampled token is not in the KV cache, unless the sequence ended at a drafted token.
    const held = finish === null ? tokens.length - 1 : tokens.length;
    this.#current.parts.undo.undo(stream!, Math.min(stream!.tokens.length, held));
  }

  /** @returns the finish reason, or null. */
  #sampleOne(sequence: Sequence, output: number): FinishReason | null {
    const { context, sampling } = this.#current.model;
    const { request } = sequence;
    if (sequence.maxTokens === 0) return "length";
    const token = sequence.sampler.sample(context, output);
    if (sampling.vocab.isEndOfGeneration(token)) {
      sequence.acceptEndOfGeneration(token);
      return "stop";
    }
    const event = sequence.accept(
      token,
      this.#tokenizer.piece(token, request.specialText ?? false),
      request.logprobs === undefined
        ? undefined
        : this.#logprobs(sequence, output, token, request.logprobs),
    );
    this.#receiver.emit(sequence.id, event);
    if (sequence.stopString !== null) return "stop";
    return sequence.completionTokens >= sequence.maxTokens ? "length" : null;
  }

  #logprobs({ request, sampler }: Sequence, output: number, token: number, count: number) {
    const bytes = (id: number) => this.#tokenizer.piece(id, true).bytes;
    return request.sampledLogprobs
      ? sampledLogprobs(sampler.probabilities(), token, count, bytes)
      : tokenLogprobs(this.#current.model.context.logits(output), token, count, bytes);
  }
}
