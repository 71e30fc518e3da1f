import type { AnswerEvent } from "../../../../chat/mod.ts";
import { type Sink, Transform } from "../../../../engine/mod.ts";
import type { PromptLogprob, Usage } from "../../../../engine/protocol/mod.ts";
import type { Indexed } from "../../../answers/mod.ts";
import type { ServerSentEvent } from "../../../http/mod.ts";
import { errorEvent } from "../chat/chat_stream.ts";
import { toLegacyLogprobs } from "./completion_logprobs.ts";
import { toFinishReason, toNotices, toUsage, toUsageSoFar } from "../shared/envelope.ts";
import { toFinalTimings, toProgress, toTimingsSoFar } from "../shared/telemetry.ts";

export interface CompletionChunkOptions {
  /** Common fields of all chunks, such as id and model. */
  readonly head: Readonly<Record<string, unknown>>;
  /** Text before each choice, for `echo`. */
  readonly echoes: readonly string[];
  /** Number of choices per prompt; only the first of them counts the prompt tokens. */
  readonly perPrompt: number;
  readonly includeUsage: boolean;
  readonly withLogprobs: boolean;
  /** Tokens of a choice's prompt, and of the choice so far, for chunks that report them. */
  readonly progress?: {
    readonly promptTokens: (choice: number) => number;
    readonly completionTokens: (choice: number) => number;
  };
}

/** The stream of a completion: chunks in the order of the events, the usage, `[DONE]`. */
export class CompletionChunks extends Transform<Indexed<AnswerEvent>, ServerSentEvent> {
  readonly #options: CompletionChunkOptions;
  /** The common fields of all chunks as JSON, without the closing brace. */
  readonly #head: string;
  readonly #lengths = new Map<number, number>();
  /** Log probabilities of the prompts, until their text was sent. */
  readonly #prompts = new Map<number, PromptLogprob[]>();
  readonly #usages: Usage[] = [];
  readonly #promptUsages: Usage[] = [];
  #lastTimings = {};

  constructor(options: CompletionChunkOptions, stream: Sink<ServerSentEvent>) {
    super(stream);
    this.#options = options;
    this.#head = JSON.stringify(options.head).slice(0, -1);
  }

  override event({ index, value: event }: Indexed<AnswerEvent>): void {
    if (event.type === "progress") {
      return this.#piece(index, "", null, null, toProgress(event));
    }
    if (event.type === "prompt") {
      this.#prompts.set(index, [...this.#prompts.get(index) ?? [], ...event.logprobs]);
      return;
    }
    if (!this.#lengths.has(index)) this.#begin(index);
    if (event.type === "text") {
      if (event.text === "" && event.logprobs.length === 0) return;
      const offset = this.#lengths.get(index)!;
      const logprobs = this.#options.withLogprobs ? toLegacyLogprobs(event.logprobs, offset) : null;
      this.#lengths.set(index, offset + [...event.text].length);
      this.#piece(index, event.text, logprobs, null, toTimingsSoFar(event));
    } else if (event.type === "done") {
      this.#usages.push(event.usage);
      if (index % this.#options.perPrompt === 0) this.#promptUsages.push(event.usage);
      const reason = toFinishReason(event.finishReason);
      this.#lastTimings = toFinalTimings(event);
      this.#piece(index, "", null, reason, { ...toNotices([event]), ...this.#lastTimings });
    }
  }

  override end(error?: unknown): void {
    if (error !== undefined) this.out.event(errorEvent(error));
    else {
      if (this.#options.includeUsage) {
        this.#chunk([], toUsage(this.#usages, this.#promptUsages), this.#lastTimings);
      }
      this.out.event({ data: "[DONE]" });
    }
    this.out.end();
  }

  #begin(index: number): void {
    const echo = this.#options.echoes[index]!;
    this.#lengths.set(index, [...echo].length);
    const scored = this.#prompts.get(index);
    const logprobs = this.#options.withLogprobs && scored !== undefined
      ? toLegacyLogprobs(scored, 0)
      : null;
    if (echo !== "") this.#piece(index, echo, logprobs, null);
  }

  #piece(index: number, text: string, logprobs: unknown, reason: string | null, more = {}): void {
    const { progress } = this.#options;
    const usage = progress === undefined
      ? null
      : toUsageSoFar(progress.promptTokens(index), progress.completionTokens(index));
    this.#chunk([{ text, index, logprobs, finish_reason: reason }], usage, more);
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
