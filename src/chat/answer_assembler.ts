import type { Sink } from "../engine/mod.ts";
import type { Notice, SequenceEvent } from "../engine/protocol/mod.ts";
import type { AnswerParser } from "./answer_parser.ts";
import type {
  AnswerEvent,
  AnswerFinish,
  AnswerLogprob,
  AnswerSoFar,
  TokenPlace,
  ToolCall,
} from "./conversation/mod.ts";
import type { ParsedEvent } from "./stream/mod.ts";

/** Maximum number of notices about the schemas of one request. */
const MAX_NOTICES = 32;

function bounded(notices: readonly string[]): readonly string[] {
  if (notices.length <= MAX_NOTICES) return notices;
  const more = notices.length - MAX_NOTICES + 1;
  return [...notices.slice(0, MAX_NOTICES - 1), `${more} more parts of schemas are not enforced`];
}

type TokenEvent = Extract<SequenceEvent, { type: "token" }>;

/** What texts report beside themselves. */
interface Reports {
  /** The ids of their tokens. */
  readonly tokens: boolean;
  /** The place of each token. */
  readonly places: boolean;
}

/**
 * Builds the events of an answer from those of a sequence; call `begin` first. After a rewind, a new
 * parser reads the tokens that remain, whose events were sent before.
 */
export class AnswerAssembler {
  readonly #newParser: () => AnswerParser | null;
  #parser: AnswerParser | null = null;
  readonly #stops: readonly string[];
  readonly #notices: readonly Notice[];
  readonly #sink: Sink<AnswerEvent>;
  /** Log probabilities of tokens whose text is not emitted yet. */
  #logprobs: AnswerLogprob[] = [];
  /** Tokens whose text is not emitted yet; null if they are not reported. */
  #tokens: number[] | null;
  #soFar: TokenEvent["soFar"];
  readonly #reports: Reports;
  /** The tokens of the answer. */
  readonly #past: TokenEvent[] = [];
  /** The ids of the tool calls of the answer: a parser would make others. */
  readonly #callIds: string[] = [];

  /**
   * @param newParser makes a parser for the beginning of an answer; it may return null.
   * @param stops The stop strings of the request; the sequence may have others.
   * @param notices Sentences about parts of the request that have no effect.
   */
  constructor(
    newParser: () => AnswerParser | null,
    stops: readonly string[],
    notices: readonly string[],
    reports: Reports,
    sink: Sink<AnswerEvent>,
  ) {
    this.#newParser = newParser;
    this.#reports = reports;
    this.#stops = stops;
    this.#notices = bounded(notices).map((message) => ({ message }));
    this.#tokens = reports.tokens ? [] : null;
    this.#sink = sink;
  }

  /** The tokens of the answer so far. */
  get past(): readonly TokenEvent[] {
    return this.#past;
  }

  add(event: Extract<SequenceEvent, { type: "token" | "done" }>): void {
    const place = this.#placeOf(event);
    if (event.type === "token") this.#past.push(event);
    this.#emit(this.#parse(event), place);
    if (event.type === "done") this.#end(event);
  }

  /** The parsed events of an event; notes what is reported with the next text. */
  #parse(event: Extract<SequenceEvent, { type: "token" | "done" }>): readonly ParsedEvent[] {
    if (event.type === "token") {
      if (event.logprob !== undefined) this.#logprobs.push(event.logprob);
      this.#tokens?.push(event.token);
      this.#soFar = event.soFar;
    }
    if (this.#parser !== null) return this.#parser.push(event.text);
    return event.text === "" ? [] : [{ type: "text", text: event.text }];
  }

  /** Returns to the first tokens of the answer. */
  rewind(keep: number): void {
    const soFar = this.begin(this.#past.splice(0).slice(0, keep), this.#callIds);
    this.#sink.event({ type: "rewind", index: keep, remains: soFar });
  }

  /** Begins anew with tokens whose events were sent. @param callIds ids of their tool calls. */
  begin(past: readonly TokenEvent[], callIds: readonly string[]): AnswerSoFar {
    this.#parser = this.#newParser();
    this.#logprobs = [];
    if (this.#tokens !== null) this.#tokens = [];
    const ids = callIds.slice();
    this.#callIds.length = 0;
    const soFar = { text: "", reasoning: "", toolCalls: [] as ToolCall[] };
    for (const event of past) {
      this.#past.push(event);
      for (const parsed of this.#parse(event)) {
        // These were reported with the text.
        this.#logprobs = [];
        if (parsed.type === "text") soFar.text += parsed.text;
        else if (parsed.type === "reasoning") soFar.reasoning += parsed.text;
        else if (parsed.type === "tool_arguments") {
          const call = soFar.toolCalls[parsed.index]!;
          soFar.toolCalls[parsed.index] = { ...call, arguments: call.arguments + parsed.text };
        } else {
          const id = ids[parsed.index] ?? parsed.id;
          this.#callIds[parsed.index] = id;
          soFar.toolCalls[parsed.index] = { id, name: parsed.name, arguments: "" };
        }
        if (this.#tokens !== null && isText(parsed)) this.#tokens = [];
      }
    }
    return soFar;
  }

  /** The ids of the tool calls so far. */
  get callIds(): readonly string[] {
    return this.#callIds;
  }

  #end(done: Extract<SequenceEvent, { type: "done" }>): void {
    const { usage, timings, ...event } = done;
    const place = this.#placeOf(done);
    const notices = [...this.#notices, ...event.notices ?? []];
    const stopString = event.stopString !== null && this.#stops.includes(event.stopString)
      ? event.stopString
      : null;
    const isCut = event.finishReason !== "stop" || stopString !== null;
    this.#emit(this.#parser?.end(isCut ? { following: stopString } : null) ?? [], place);
    // Tokens without text at the end, such as a part of a character.
    const hasRest = this.#logprobs.length > 0 || (this.#tokens?.length ?? 0) > 0;
    if (hasRest) this.#emit([{ type: "text", text: "" }], place);
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

  /** The place of a new token, or that of text at the end; undefined if places are not reported. */
  #placeOf(event: Extract<SequenceEvent, { type: "token" | "done" }>): TokenPlace | undefined {
    if (!this.#reports.places) return undefined;
    const index = this.#past.length;
    if (event.type === "done") return { index, token: null, isInserted: false };
    return { index, token: event.token, isInserted: event.isInserted ?? false };
  }

  /** @param place with a token, there is at least one text. */
  #emit(parsed: readonly ParsedEvent[], place: TokenPlace | undefined): void {
    const isMissing = typeof place?.token === "number" && !parsed.some(isText);
    const events = isMissing ? [...parsed, { type: "text", text: "" } as const] : parsed;
    for (const event of events) {
      if (event.type === "tool_call") this.#callIds[event.index] = event.id;
      if (!isText(event)) {
        // Log probabilities of marks and arguments belong to no text, unless each token has one.
        if (place === undefined) this.#logprobs = [];
        this.#sink.event(event);
        continue;
      }
      const logprobs = this.#logprobs;
      this.#logprobs = [];
      const where = place === undefined ? {} : { place };
      this.#sink.event({ ...event, logprobs, ...this.#report(), ...where });
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

type TextEvent = Extract<ParsedEvent, { type: "text" | "reasoning" }>;

function isText(event: ParsedEvent): event is TextEvent {
  return event.type === "text" || event.type === "reasoning";
}
