import type { Answer, AnswerEvent, AnswerRequest } from "../../chat/mod.ts";
import type { Engine, FlowControl, Sink } from "../../engine/mod.ts";
import { bindAnswer, type Caller, startAnswer } from "./start_answer.ts";

/** A value and the index of its source. */
export interface Indexed<T> {
  readonly index: number;
  readonly value: T;
}

/** Starts the answer of a choice. The first one may have to be awaited before the others start. */
type Start = (
  index: number,
  sink: Sink<AnswerEvent>,
) => Answer & { readonly started?: Promise<void> };

/**
 * Runs the answers of all choices of a request and passes their events to one sink.
 *
 * At most `limit` answers run at a time; the next one starts when one ends. When one fails, the others
 * are cancelled.
 */
export class Choices {
  readonly #count: number;
  readonly #start: Start;
  readonly #sink: Sink<Indexed<AnswerEvent>>;
  readonly #answers: ReturnType<Start>[] = [];
  #started = 0;
  #running = 0;
  #hasFailed = false;

  constructor(count: number, start: Start, sink: Sink<Indexed<AnswerEvent>>) {
    this.#count = count;
    this.#start = start;
    this.#sink = sink;
  }

  /**
   * Starts the first answers.
   * @throws the error of the first start.
   */
  async run(limit: number): Promise<void> {
    await this.#startNext().started;
    const together = Math.min(this.#count, limit);
    while (this.#started < together && !this.#hasFailed) this.#startNext();
  }

  /** Tokens that a choice has so far. */
  completionTokens(index: number): number {
    return this.#answers[index]?.completionTokens ?? 0;
  }

  /** Controls one choice, or all that have started. */
  control(control: FlowControl, index?: number): void {
    const answers = index === undefined ? this.#answers : [this.#answers[index]];
    for (const answer of answers) answer?.control(control);
  }

  #startNext() {
    const index = this.#started++;
    this.#running++;
    return this.#answers[index] = this.#start(index, {
      event: (value) => {
        if (!this.#hasFailed) this.#sink.event({ index, value });
      },
      flush: () => {
        if (!this.#hasFailed) this.#sink.flush();
      },
      end: (error) => this.#ended(error),
    });
  }

  #ended(error: unknown): void {
    this.#running--;
    if (this.#hasFailed) return;
    if (error !== undefined) return this.#fail(error);
    if (this.#started < this.#count) {
      try {
        this.#startNext();
      } catch (refused) {
        // The client has left meanwhile. An end must not throw: the engine calls it.
        this.#fail(refused);
      }
    } else if (this.#running === 0) this.#sink.end();
  }

  #fail(error: unknown): void {
    this.#hasFailed = true;
    for (const answer of this.#answers) answer.control({ type: "cancel" });
    this.#sink.end(error);
  }
}

/** The choices of requests. The first answer starts as {@linkcode startAnswer} does. */
export function choicesOf(
  caller: Caller,
  engine: Engine,
  requests: readonly AnswerRequest[],
  sink: Sink<Indexed<AnswerEvent>>,
): Choices {
  const start: Start = (index, one) =>
    (index === 0 ? startAnswer : bindAnswer)(caller, engine, requests[index]!, one);
  return new Choices(requests.length, start, sink);
}
