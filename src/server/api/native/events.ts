import type { AnswerEvent, AnswerSoFar } from "../../../chat/mod.ts";
import { type Sink, Transform } from "../../../engine/mod.ts";
import type { FinishReason, Timings } from "../../../engine/protocol/mod.ts";
import { choiceId, type Forks, type Indexed } from "../../answers/mod.ts";
import type { Done, UnifiedEvent } from "./schema.ts";

type TextEvent = Extract<AnswerEvent, { type: "text" | "reasoning" }>;

const decoder = new TextDecoder();

/**
 * Converts the answers of a request to unified events: one for each token, rewinds, forks and the ends.
 * Events of forks have the id of their answer, and those of the request's own answer where it begins and
 * ends.
 */
export class UnifiedEvents extends Transform<Indexed<AnswerEvent>, UnifiedEvent> {
  readonly #id: string;
  readonly #tellsText: boolean;
  #hasBegun = false;

  /**
   * @param id id of the request's own answer
   * @param tellsText whether rewinds and forks come with the text that remains, for a stream of texts
   */
  constructor(id: string, sink: Sink<UnifiedEvent>, tellsText = false) {
    super(sink);
    this.#id = id;
    this.#tellsText = tellsText;
  }

  override event({ index, value }: Indexed<AnswerEvent>): void {
    switch (value.type) {
      case "text":
        if (isEmpty(value)) break;
        this.out.event({ token: value.text, ...tokenFields(value), ...this.#first(index) });
        break;
      case "reasoning":
        if (isEmpty(value)) break;
        this.out.event({ reasoning: value.text, ...tokenFields(value), ...this.#first(index) });
        break;
      case "rewind":
        this.out.event({
          rewind: value.index,
          ...this.#textOf(value.remains),
          ...this.#of(index),
        });
        break;
      case "done":
        this.out.event({ ...toDone(value), answer: choiceId(this.#id, index) });
        break;
      // Native requests have no tools, and do not ask for progress.
      case "tool_call":
      case "tool_arguments":
      case "prompt":
      case "progress":
        break;
    }
  }

  /** Tells of new answers. Call it before their first event. */
  forked({ parent, at, choices, soFar }: Forks): void {
    const answers = choices.map((index) => choiceId(this.#id, index));
    this.out.event({ forked: at, answers, ...this.#textOf(soFar), ...this.#of(parent) });
    this.out.flush();
  }

  #textOf({ text }: AnswerSoFar) {
    return this.#tellsText ? { text } : {};
  }

  /** The id of an answer in its event; absent for the request's own answer. */
  #of(index: number) {
    return index === 0 ? {} : { answer: choiceId(this.#id, index) };
  }

  #first(index: number) {
    if (index > 0 || this.#hasBegun) return this.#of(index);
    this.#hasBegun = true;
    return { answer: this.#id };
  }
}

/** Whether an event belongs to a fork of the answer with an id. */
export function isOfFork(event: UnifiedEvent, id: string): boolean {
  return "answer" in event && event.answer !== undefined && event.answer !== id;
}

/** Whether an event has neither text nor a token. */
function isEmpty({ text, place }: TextEvent): boolean {
  return text === "" && (place === undefined || place.token === null);
}

function tokenFields({ place, logprobs }: TextEvent) {
  if (place === undefined) return { index: 0 };
  const [own] = logprobs;
  return {
    index: place.index,
    ...(place.token === null ? {} : { id: place.token }),
    ...(own === undefined ? {} : {
      logprob: own.logprob,
      alternatives: own.top.map(({ token, bytes, logprob }) => ({
        id: token,
        token: decoder.decode(new Uint8Array(bytes)),
        logprob,
      })),
    }),
    ...(place.isInserted ? { inserted: true as const } : {}),
  };
}

/** The last event of an answer in the spelling of the native API. */
function toDone(event: Extract<AnswerEvent, { type: "done" }>): Done {
  const { usage, timings, notices = [] } = event;
  return {
    done: true,
    finish_reason: toReason(event.finishReason),
    usage: {
      prompt_tokens: usage.promptTokens,
      completion_tokens: usage.completionTokens,
      total_tokens: usage.promptTokens + usage.completionTokens,
      cached_tokens: usage.cachedTokens,
      ...(usage.audioTokens === undefined ? {} : { audio_tokens: usage.audioTokens }),
      ...(usage.audioSeconds === undefined ? {} : { audio_seconds: usage.audioSeconds }),
      ...(usage.discardedTokens === undefined ? {} : { discarded_tokens: usage.discardedTokens }),
    },
    timings: {
      queue_ms: timings.queueMs,
      prompt_ms: timings.promptMs,
      ...(timings.mediaMs === undefined ? {} : { media_ms: timings.mediaMs }),
      first_token_ms: timings.firstTokenMs,
      predicted_ms: timings.predictedMs,
      prompt_per_second: timings.promptPerSecond,
      predicted_per_second: timings.predictedPerSecond,
      ...toDraftCounts(timings),
    },
    ...(notices.length === 0 ? {} : { notices: notices.map(({ message }) => message) }),
  };
}

function toDraftCounts({ draftedTokens = 0, acceptedTokens = 0 }: Timings) {
  if (draftedTokens === 0) return {};
  return {
    drafted_tokens: draftedTokens,
    accepted_tokens: acceptedTokens,
    acceptance_rate: acceptedTokens / draftedTokens,
  };
}

function toReason(reason: FinishReason | "tool_calls"): FinishReason {
  return reason === "tool_calls" ? "stop" : reason;
}
