import type { Sink } from "../engine/mod.ts";
import type { Notice, SequenceEvent } from "../engine/protocol/mod.ts";
import type { AnswerParser } from "./answer_parser.ts";
import type { AnswerEvent, AnswerFinish, AnswerLogprob } from "./conversation/mod.ts";
import type { ParsedEvent } from "./stream/mod.ts";

/** Maximum number of notices about the schemas of one request. */
const MAX_NOTICES = 32;

function bounded(notices: readonly string[]): readonly string[] {
  if (notices.length <= MAX_NOTICES) return notices;
  const more = notices.length - MAX_NOTICES + 1;
  return [...notices.slice(0, MAX_NOTICES - 1), `${more} more parts of schemas are not enforced`];
}

/** Builds the events of an answer from those of a sequence. */
export class AnswerAssembler {
  readonly #parser: AnswerParser | null;
  readonly #stops: readonly string[];
  readonly #notices: readonly Notice[];
  readonly #sink: Sink<AnswerEvent>;
  /** Log probabilities of tokens whose text is not emitted yet. */
  #logprobs: AnswerLogprob[] = [];
  /** Tokens whose text is not emitted yet; null if they are not reported. */
  #tokens: number[] | null;
  #soFar: Extract<SequenceEvent, { type: "token" }>["soFar"];

  /**
   * @param stops The stop strings of the request; the sequence may have others.
   * @param notices Sentences about parts of the request that have no effect.
   * @param reportsTokens Whether texts come with the ids of their tokens.
   */
  constructor(
    parser: AnswerParser | null,
    stops: readonly string[],
    notices: readonly string[],
    reportsTokens: boolean,
    sink: Sink<AnswerEvent>,
  ) {
    this.#parser = parser;
    this.#stops = stops;
    this.#notices = bounded(notices).map((message) => ({ message }));
    this.#tokens = reportsTokens ? [] : null;
    this.#sink = sink;
  }

  add(event: Extract<SequenceEvent, { type: "token" | "done" }>): void {
    if (event.type === "token") {
      if (event.logprob !== undefined) this.#logprobs.push(event.logprob);
      this.#tokens?.push(event.token);
      this.#soFar = event.soFar;
    }
    if (this.#parser !== null) this.#emit(this.#parser.push(event.text));
    else if (event.text !== "") this.#emit([{ type: "text", text: event.text }]);
    if (event.type === "done") this.#end(event);
  }

  #end({ usage, timings, ...event }: Extract<SequenceEvent, { type: "done" }>): void {
    const notices = [...this.#notices, ...event.notices ?? []];
    const stopString = event.stopString !== null && this.#stops.includes(event.stopString)
      ? event.stopString
      : null;
    const isCut = event.finishReason !== "stop" || stopString !== null;
    this.#emit(this.#parser?.end(isCut ? { following: stopString } : null) ?? []);
    // Tokens without text at the end, such as a part of a character.
    const hasRest = this.#logprobs.length > 0 || (this.#tokens?.length ?? 0) > 0;
    if (hasRest) this.#emit([{ type: "text", text: "" }]);
    const incompleteCall = this.#parser?.incompleteCall ?? null;
    this.#sink.event({
      type: "done",
      finishReason: this.#finish(event.finishReason),
      stopString,
      usage,
      timings,
      ...(event.slot === undefined ? {} : { slot: event.slot }),
      ...(incompleteCall === null ? {} : { incompleteCall }),
      ...(notices.length === 0 ? {} : { notices }),
    });
  }

  #emit(events: readonly ParsedEvent[]): void {
    for (const event of events) {
      const logprobs = this.#logprobs;
      this.#logprobs = [];
      const isText = event.type === "text" || event.type === "reasoning";
      this.#sink.event(isText ? { ...event, logprobs, ...this.#report() } : event);
    }
  }

  /** What a text reports beside log probabilities, if it is requested. */
  #report() {
    const tokens = this.#tokens;
    if (tokens !== null) this.#tokens = [];
    return {
      ...(tokens === null ? {} : { tokens }),
      ...(this.#soFar === undefined ? {} : { soFar: this.#soFar }),
    };
  }

  #finish(reason: "stop" | "length" | "cancelled"): AnswerFinish {
    if (reason !== "stop" || this.#parser === null || this.#parser.calls === 0) return reason;
    return this.#parser.endsInCall ? "stop" : "tool_calls";
  }
}
