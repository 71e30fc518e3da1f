import type { AnswerEvent } from "../../../../chat/mod.ts";
import { type Sink, Transform } from "../../../../engine/mod.ts";
import {
  type Indexed,
  toProgressTimings,
  toPromptProgress,
  toTimings,
} from "../../../answers/mod.ts";
import { type ServerSentEvent, statusOf, toShimmyError } from "../../../http/mod.ts";
import { toLlamaError } from "../dialect.ts";
import type { CompletionState } from "./job.ts";
import { toProbabilities } from "./probabilities.ts";
import { type ResultContext, toResult } from "./result.ts";

type Event<T extends AnswerEvent["type"]> = Extract<AnswerEvent, { type: T }>;

/**
 * The stream of completions: chunks in the order of the events, and the last chunk of each completion
 * with the fields of a response. An error is the last event.
 */
export class CompletionChunks extends Transform<Indexed<AnswerEvent>, ServerSentEvent> {
  readonly #states: readonly CompletionState[];
  readonly #stop: (index: number) => void;
  readonly #context: ResultContext;
  readonly #predicted: number[];
  /** Results, and the end, that wait for the texts of the prompts; null when those are known. */
  #held: (() => void)[] | null = [];
  #isEnded = false;

  /** @param stop ends a completion whose text has reached a limit. */
  constructor(
    states: readonly CompletionState[],
    stop: (index: number) => void,
    context: ResultContext,
    stream: Sink<ServerSentEvent>,
  ) {
    super(stream);
    this.#states = states;
    this.#stop = stop;
    this.#context = context;
    this.#predicted = states.map(() => 0);
  }

  override event({ index, value: event }: Indexed<AnswerEvent>): void {
    if (this.#isEnded) return;
    if (event.type === "progress") this.#progress(index, event);
    else if (event.type === "text") this.#text(index, event);
    else if (event.type === "done") {
      const state = this.#states[index]!;
      state.end(event);
      this.#later(() => this.#send(toResult(this.#context, state, index)));
    }
  }

  override end(error?: unknown): void {
    this.#later(() => this.#end(error));
  }

  /**
   * The prompts of the completions are known, which the results have.
   * @param error why they are not: it ends the stream and the completions.
   */
  release(error?: unknown): void {
    if (error !== undefined) this.#states.forEach((_, index) => this.#stop(index));
    const held = error === undefined ? this.#held ?? [] : [() => this.#end(error)];
    this.#held = null;
    for (const send of held) send();
    if (held.length > 0 && !this.#isEnded) this.out.flush();
  }

  #later(send: () => void): void {
    if (this.#held === null) send();
    else this.#held.push(send);
  }

  #end(error: unknown): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    if (error !== undefined) {
      const known = toShimmyError(error);
      this.#send({ error: toLlamaError(known, statusOf(known)) });
    }
    this.out.end();
  }

  #progress(index: number, { progress, timings }: Event<"progress">): void {
    this.#chunk(index, "", [], {
      prompt_progress: toPromptProgress(progress, timings),
      ...(this.#context.body.timings_per_token
        ? { timings: toProgressTimings(progress, timings) }
        : {}),
    });
  }

  #text(index: number, event: Event<"text">): void {
    const state = this.#states[index]!;
    const piece = state.push(event);
    if (piece === null) return;
    if (state.isCut) this.#stop(index);
    const { soFar } = event;
    const isSampled = this.#context.body.post_sampling_probs ?? false;
    this.#chunk(index, piece.text, piece.tokens, {
      ...(soFar === undefined ? {} : { timings: toTimings(soFar.usage, soFar.timings) }),
      ...(piece.logprobs.length === 0
        ? {}
        : { completion_probabilities: toProbabilities(piece.logprobs, isSampled) }),
    });
  }

  #chunk(index: number, content: string, tokens: readonly number[], more: object): void {
    const { job } = this.#states[index]!;
    this.#predicted[index]! += tokens.length;
    this.#send({
      index,
      content,
      tokens,
      stop: false,
      id_slot: job.request.slot ?? -1,
      tokens_predicted: this.#predicted[index],
      tokens_evaluated: job.tokens.length,
      ...more,
    });
  }

  #send(value: unknown): void {
    this.out.event({ data: JSON.stringify(value) });
  }
}
