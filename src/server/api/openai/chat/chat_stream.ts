import type { AnswerEvent, AnswerSoFar } from "../../../../chat/mod.ts";
import { type Sink, Transform } from "../../../../engine/mod.ts";
import type { Usage } from "../../../../engine/protocol/mod.ts";
import type { Forks, Indexed } from "../../../answers/mod.ts";
import { type ServerSentEvent, statusOf, toShimmyError } from "../../../http/mod.ts";
import { toOpenAIError } from "../shared/dialect.ts";
import {
  toChatLogprobs,
  toFinishReason,
  toNotices,
  toUsage,
  toUsageSoFar,
} from "../shared/envelope.ts";
import { toFinalTimings, toProgress, toTimingsSoFar } from "../shared/telemetry.ts";

export interface ChunkOptions {
  /** Common fields of all chunks, such as id and model. */
  readonly head: Readonly<Record<string, unknown>>;
  /** Send the usage in a last chunk without choices. */
  readonly includeUsage: boolean;
  readonly withLogprobs: boolean;
  /** Tokens of the prompt, and of a choice so far, for chunks that report them. */
  readonly progress?: {
    readonly promptTokens: () => number;
    readonly completionTokens: (choice: number) => number;
  };
}

type Delta = Readonly<Record<string, unknown>>;

/** The delta of an event, or null. */
function toDelta(event: AnswerEvent): Delta | null {
  switch (event.type) {
    case "prompt":
    case "progress":
    case "rewind":
      return null;
    case "text":
      return event.text === "" && event.logprobs.length === 0 ? null : { content: event.text };
    case "reasoning":
      return event.text === "" ? null : { reasoning_content: event.text };
    case "tool_call": {
      const { index, id, name } = event;
      return { tool_calls: [{ index, id, type: "function", function: { name, arguments: "" } }] };
    }
    case "tool_arguments": {
      const { index, text } = event;
      return text === "" ? null : { tool_calls: [{ index, function: { arguments: text } }] };
    }
    case "done":
      return {};
  }
}

/** The message that an answer is so far. */
function toMessage({ text, reasoning, toolCalls }: AnswerSoFar) {
  return {
    role: "assistant",
    content: text,
    ...(reasoning === "" ? {} : { reasoning_content: reasoning }),
    ...(toolCalls.length === 0 ? {} : {
      tool_calls: toolCalls.map(({ id, name, arguments: given }) => ({
        id,
        type: "function",
        function: { name, arguments: given },
      })),
    }),
  };
}

function logprobsOf(event: AnswerEvent) {
  if (event.type === "text") return toChatLogprobs(event.logprobs);
  return event.type === "reasoning" ? toChatLogprobs([], event.logprobs) : null;
}

/** An error as the last event of a stream, without `[DONE]`. */
export function errorEvent(thrown: unknown): ServerSentEvent {
  const error = toShimmyError(thrown);
  return { data: JSON.stringify({ error: toOpenAIError(error, statusOf(error)) }) };
}

/** The stream of a chat completion: chunks in order of the events, the usage, `[DONE]`. */
export class ChatChunks extends Transform<Indexed<AnswerEvent>, ServerSentEvent> {
  readonly #options: ChunkOptions;
  /** The common fields of all chunks as JSON, without the closing brace. */
  readonly #head: string;
  readonly #begun = new Set<number>();
  readonly #usages: Usage[] = [];
  #lastTimings = {};

  constructor(options: ChunkOptions, stream: Sink<ServerSentEvent>) {
    super(stream);
    this.#options = options;
    const head = JSON.stringify({ ...options.head, object: "chat.completion.chunk" });
    this.#head = head.slice(0, -1);
  }

  override event({ index, value: event }: Indexed<AnswerEvent>): void {
    const { withLogprobs, progress } = this.#options;
    if (!this.#begun.has(index)) this.#begin(index);
    if (event.type === "rewind") {
      const choice = { index, delta: {}, logprobs: null, finish_reason: null };
      const rewind = { index: event.index, message: toMessage(event.remains) };
      return this.#chunk([choice], this.#usageSoFar(event.index), { rewind });
    }
    if (event.type === "progress") {
      const choice = { index, delta: {}, logprobs: null, finish_reason: null };
      return this.#chunk([choice], this.#usageSoFar(0), toProgress(event));
    }
    const delta = toDelta(event);
    if (delta === null) return;
    const logprobs = withLogprobs ? logprobsOf(event) : null;
    const reason = event.type === "done" ? toFinishReason(event.finishReason) : null;
    // Indexed, because the prefill of the first choice is the one that counts.
    if (event.type === "done") {
      this.#usages[index] = event.usage;
      this.#lastTimings = toFinalTimings(event);
    }
    const more = event.type === "done"
      ? { ...toNotices([event]), ...this.#lastTimings }
      : toTimingsSoFar(event);
    const usage = this.#usageSoFar(progress?.completionTokens(index) ?? 0);
    this.#chunk([{ index, delta, logprobs, finish_reason: reason }], usage, more);
  }

  /** Tells of new choices and what they begin with. Call it before their first event. */
  forked({ parent, at, choices, soFar }: Forks): void {
    const fork = { choice: parent, index: at, message: toMessage(soFar) };
    for (const index of choices) this.#begin(index, at, { fork });
    this.out.flush();
  }

  #begin(index: number, completionTokens = 0, more = {}): void {
    this.#begun.add(index);
    const delta = { role: "assistant", content: null };
    const choice = { index, delta, logprobs: null, finish_reason: null };
    this.#chunk([choice], this.#usageSoFar(completionTokens), more);
  }

  override end(error?: unknown): void {
    if (error !== undefined) this.out.event(errorEvent(error));
    else {
      if (this.#options.includeUsage) this.#chunk([], toUsage(this.#usages), this.#lastTimings);
      this.out.event({ data: "[DONE]" });
    }
    this.out.end();
  }

  #usageSoFar(completionTokens: number) {
    const { progress } = this.#options;
    return progress === undefined ? null : toUsageSoFar(progress.promptTokens(), completionTokens);
  }

  #chunk(choices: readonly unknown[], usage: unknown, more = {}): void {
    const rest = JSON.stringify({
      choices,
      ...(this.#options.includeUsage ? { usage } : {}),
      ...more,
    });
    this.out.event({ data: `${this.#head},${rest.slice(1)}` });
  }
}
