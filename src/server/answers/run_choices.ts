import {
  type Answer,
  type AnswerEdit,
  type AnswerEvent,
  type AnswerFork,
  type AnswerRequest,
  type AnswerSoFar,
  cancelledEvent,
  type Input,
  type Preparer,
  sharedPreparer,
} from "../../chat/mod.ts";
import type { Engine, FlowControl, Sink } from "../../engine/mod.ts";
import { ShimmyError } from "../../errors.ts";
import { mostHeldMsOf } from "../http/mod.ts";
import { PauseLimit } from "./pause_limit.ts";
import { preparerOf } from "./request_preparer.ts";
import { bindAnswer, bindFork, type Caller, startAnswer } from "./start_answer.ts";

/** A value and the index of its source. */
export interface Indexed<T> {
  readonly index: number;
  readonly value: T;
}

/** An answer of a choice. The first one may have to be awaited before the others start. */
export type StartedChoice = Answer & { readonly started?: Promise<void> };

/** Starts the answer of a choice. */
export type Start<Event = AnswerEvent> = (index: number, sink: Sink<Event>) => StartedChoice;

/** Starts a fork of an answer. */
type StartFork = (
  parent: Answer,
  fork: AnswerFork,
  sink: Sink<AnswerEvent>,
) => { readonly answer: Answer; readonly soFar: AnswerSoFar };

/** New choices that begin with the first tokens of another one. */
export interface Forks {
  readonly parent: number;
  /** Number of tokens that they begin with. */
  readonly at: number;
  readonly choices: readonly number[];
  readonly soFar: AnswerSoFar;
}

/**
 * Runs the answers of all choices of a request and passes their events to one sink.
 *
 * At most `limit` answers run at a time; the next one starts when one ends. When one fails, the others
 * are cancelled. Forks are further choices, which start at once; one that fails ends alone.
 */
export class Choices<Event = AnswerEvent> {
  #count: number;
  readonly #start: Start<Event | AnswerEvent>;
  readonly #startFork: StartFork | undefined;
  readonly #sink: Sink<Indexed<Event | AnswerEvent>>;
  readonly #answers: Answer[] = [];
  readonly #hasEnded: boolean[] = [];
  /** Index of the first fork. */
  readonly #firstFork: number;
  /** Number of choices, with forks. */
  #known: number;
  #started = 0;
  #running = 0;
  #hasFailed = false;
  readonly #pauses: PauseLimit;

  /** @param mostPausedMs Maximum milliseconds of a pause of a choice. */
  constructor(
    count: number,
    start: Start<Event | AnswerEvent>,
    sink: Sink<Indexed<Event | AnswerEvent>>,
    mostPausedMs: number,
    startFork?: StartFork,
  ) {
    this.#pauses = new PauseLimit(
      mostPausedMs,
      (choice) => this.#answers[choice]?.control({ type: "cancel" }),
    );
    this.#count = this.#firstFork = this.#known = count;
    this.#start = start;
    this.#startFork = startFork;
    this.#sink = sink;
  }

  /** Number of choices, with forks. */
  get count(): number {
    return this.#known;
  }

  /** Number of forks that run. */
  get runningForks(): number {
    let running = 0;
    for (let index = this.#firstFork; index < this.#known; index++) {
      if (!this.#hasEnded[index]) running++;
    }
    return running;
  }

  /** Whether at most one choice still runs, and no other starts. */
  get isLast(): boolean {
    return this.#running <= 1 && this.#started >= this.#count;
  }

  hasEnded(index: number): boolean {
    return this.#hasEnded[index] ?? false;
  }

  /** Changes the tokens of a choice: see `Answer.edit`. */
  async edit(index: number, edit: AnswerEdit): Promise<number> {
    return await this.#begun(index).edit(edit);
  }

  /**
   * Starts further choices that begin with the first tokens of one.
   * @throws {ShimmyError} `not_found` for a choice that has not begun; `invalid` for more tokens than it has.
   */
  fork(parent: number, fork: Omit<AnswerFork, "number">, count: number): Forks {
    const answer = this.#begun(parent);
    if (this.#startFork === undefined) {
      const message = "fork: a stream of this API has one answer, so it has no forks";
      throw new ShimmyError("invalid", message, { field: "fork" });
    }
    let soFar: AnswerSoFar | null = null;
    const choices: number[] = [];
    for (let number = 0; number < count; number++) {
      const index = this.#known;
      const started = this.#startFork(answer, { ...fork, number }, this.#sinkOf(index));
      this.#known++;
      this.#running++;
      this.#answers[index] = started.answer;
      soFar = started.soFar;
      choices.push(index);
    }
    return { parent, at: fork.at, choices, soFar: soFar! };
  }

  /** Cancels all choices but one, also those that have not started. */
  keep(index: number): void {
    this.#count = Math.min(this.#count, this.#started);
    this.#answers.forEach((answer, other) => {
      if (other !== index) answer.control({ type: "cancel" });
    });
  }

  #begun(index: number): Answer {
    const answer = this.#answers[index];
    if (answer !== undefined) return answer;
    throw new ShimmyError("not_found", "The answer has not begun: it waits for another choice");
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

  /** Tokens of the prompt of a choice: see `Answer.promptTokens`. */
  promptTokens(index: number): number | null {
    return this.#answers[index]?.promptTokens ?? null;
  }

  /**
   * Resolves to the tokens of the first choice's prompt: see `Answer.queued`.
   * @throws {TypeError} before `run` is called.
   */
  get queued(): Promise<number> {
    const [first] = this.#answers;
    if (first === undefined) throw new TypeError("Cannot await the prompt: no choice has started");
    return first.queued;
  }

  /** Controls one choice, or all that have started. */
  control(control: FlowControl, index?: number): void {
    const choices = index === undefined ? this.#answers.keys() : [index];
    for (const choice of choices) {
      const answer = this.#answers[choice];
      if (answer === undefined || this.hasEnded(choice)) continue;
      if (control.type === "pause") this.#pauses.pause(choice);
      else if (control.type === "resume") this.#pauses.release(choice);
      answer.control(control);
    }
  }

  #startNext(): StartedChoice {
    const index = this.#started++;
    this.#running++;
    const answer = this.#start(index, this.#sinkOf(index));
    this.#answers[index] = answer;
    return answer;
  }

  #sinkOf(index: number): Sink<Event | AnswerEvent> {
    return {
      event: (value) => {
        if (!this.#hasFailed) this.#sink.event({ index, value });
      },
      flush: () => {
        if (!this.#hasFailed) this.#sink.flush();
      },
      end: (error) => this.#ended(index, error),
    };
  }

  #ended(index: number, error: unknown): void {
    this.#hasEnded[index] = true;
    this.#pauses.release(index);
    this.#running--;
    if (this.#hasFailed) return;
    if (error !== undefined) {
      if (index < this.#firstFork) return this.#fail(error);
      this.#sink.event({ index, value: failedFork(error) });
      this.#sink.flush();
    }
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

/** The end of a fork that failed: the other choices go on. */
function failedFork(thrown: unknown): AnswerEvent {
  const message = thrown instanceof ShimmyError ? thrown.message : "Internal error";
  return cancelledEvent([{ message: `fork: ${message}` }]);
}

/**
 * The choices of requests. The first answer starts as {@linkcode startAnswer} does, unless `isAwaited` is
 * false: then its errors go to the sink.
 */
export function choicesOf(
  caller: Caller,
  engine: Engine,
  requests: readonly AnswerRequest[],
  sink: Sink<Indexed<AnswerEvent>>,
  { isAwaited = true, mayFork = false } = {},
): Choices {
  const preparers = new Map<Input, Preparer>();
  /** Choices with the same prompt render it once. */
  const sharedOf = ({ input }: AnswerRequest): Preparer => {
    const shared = preparers.get(input) ??
      sharedPreparer(preparerOf(caller));
    preparers.set(input, shared);
    return shared;
  };
  const start: Start = (index, one) => {
    const request = requests[index]!;
    const begin = index === 0 && isAwaited ? startAnswer : bindAnswer;
    return begin(caller, engine, request, one, sharedOf(request));
  };
  const startFork: StartFork = (parent, fork, one) => bindFork(caller, engine, parent, fork, one);
  const startForks = mayFork ? startFork : undefined;
  const mostPausedMs = mostHeldMsOf(caller.context.settings);
  return new Choices(requests.length, start, sink, mostPausedMs, startForks);
}
