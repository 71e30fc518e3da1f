import type { Answer, AnswerEvent, AnswerFinish } from "../chat/mod.ts";
import { iterateEvents, type Sink } from "../engine/mod.ts";
import type { Timings, Usage } from "../engine/protocol/mod.ts";

/** A finished answer. */
export interface GenerationResult {
  /** The whole answer, without the reasoning. */
  readonly text: string;
  /** Text of the reasoning before the answer; empty without reasoning. */
  readonly reasoning: string;
  /**
   * `stop`: the model ended its answer, or a stop string did. `length`: the maximum of tokens or the
   * context length was reached. `cancelled`: the caller ended the iteration early or aborted.
   */
  readonly finishReason: AnswerFinish;
  /** Number of tokens. `null` for an answer whose iteration ended early. */
  readonly usage: Usage | null;
  /** Durations in milliseconds and rates in tokens per second. `null` as for `usage`. */
  readonly timings: Timings | null;
}

/** A running answer: iterate it once for pieces of its text, or wait for its result. */
export interface Generation extends AsyncIterable<string> {
  /**
   * The finished answer. Reads the remaining events.
   *
   * @throws {ShimmyError} if the request fails, like the iteration.
   */
  result(): Promise<GenerationResult>;
}

/** The text of an answer's events. */
export class AnswerGeneration implements Generation {
  readonly #events: AsyncGenerator<string, void>;
  #text = "";
  #reasoning = "";
  #done: Extract<AnswerEvent, { type: "done" }> | null = null;

  /** @param start starts the answer; called when the iteration begins. */
  constructor(start: (sink: Sink<AnswerEvent>) => Answer, signal: AbortSignal | undefined) {
    this.#events = this.#read(start, signal);
  }

  [Symbol.asyncIterator](): AsyncIterator<string> {
    return this.#events;
  }

  async result(): Promise<GenerationResult> {
    for await (const _ of this.#events);
    return {
      text: this.#text,
      reasoning: this.#reasoning,
      finishReason: this.#done?.finishReason ?? "cancelled",
      usage: this.#done?.usage ?? null,
      timings: this.#done?.timings ?? null,
    };
  }

  async *#read(
    start: (sink: Sink<AnswerEvent>) => Answer,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<string, void> {
    if (signal?.aborted) return;
    const answer = iterateEvents(start);
    const cancel = () => answer.control({ type: "cancel" });
    signal?.addEventListener("abort", cancel);
    try {
      for await (const event of answer) {
        if (event.type === "done") this.#done = event;
        if (event.type === "reasoning") this.#reasoning += event.text;
        if (event.type !== "text") continue;
        this.#text += event.text;
        yield event.text;
      }
    } finally {
      signal?.removeEventListener("abort", cancel);
    }
  }
}
