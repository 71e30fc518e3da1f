import type { AnswerEvent, AnswerFinish, AnswerLogprob } from "../../chat/mod.ts";
import { NO_TIMINGS, type Timings, type Usage } from "../../engine/protocol/mod.ts";
import { ShimmyError } from "../../errors.ts";

interface WireLogprob {
  readonly logprob: number;
  readonly bytes: readonly number[] | null;
  readonly token: string;
  readonly top_logprobs?: readonly WireLogprob[];
}

interface WireTimings {
  readonly prompt_ms: number;
  readonly prompt_per_second: number;
  readonly predicted_ms: number;
  readonly predicted_per_second: number;
  readonly media_ms?: number;
  readonly draft_n?: number;
  readonly draft_n_accepted?: number;
}

/** A chunk of a streamed completion, as far as the commands read it. */
interface Chunk {
  readonly error?: WireError;
  readonly choices?: readonly {
    readonly text?: string;
    readonly delta?: { readonly content?: string | null; readonly reasoning_content?: string };
    readonly logprobs?: { readonly content?: readonly WireLogprob[] } | null;
    readonly finish_reason?: string | null;
  }[];
  readonly usage?: {
    readonly prompt_tokens: number;
    readonly completion_tokens: number;
    readonly prompt_tokens_details?: { readonly cached_tokens?: number } | null;
  } | null;
  readonly timings?: WireTimings;
  readonly prompt_progress?: {
    readonly total: number;
    readonly cache: number;
    readonly processed: number;
  };
  readonly notices?: readonly string[];
}

/** An error as the server sends it. */
export interface WireError {
  readonly message?: string;
  readonly code?: string | null;
  readonly n_prompt_tokens?: number;
  readonly n_ctx?: number;
}

/** The error that the server reported. */
export function toError({ message, code, n_prompt_tokens, n_ctx }: WireError): ShimmyError {
  const text = message ?? "The server reported an error without a message";
  if (code === "context_length_exceeded") {
    return new ShimmyError("context_length", text, {
      ...(n_prompt_tokens === undefined || n_ctx === undefined
        ? {}
        : { overflow: { promptTokens: n_prompt_tokens, contextLength: n_ctx } }),
    });
  }
  if (code === "model_not_found") return new ShimmyError("not_found", text);
  if (code === "overloaded") return new ShimmyError("overloaded", text);
  return new ShimmyError(code === "backend_error" ? "backend" : "invalid", text);
}

/** Converts the chunks of a streamed completion to the events of an answer. */
export class ServerEvents {
  readonly #started = performance.now();
  #firstTokenMs = 0;
  #finish: AnswerFinish | null = null;
  #usage: Usage = { promptTokens: 0, completionTokens: 0, cachedTokens: 0 };
  #timings: Timings = NO_TIMINGS;
  #notices: readonly string[] = [];

  /** The events of a chunk. @throws {ShimmyError} that the chunk reports. */
  *events(data: unknown): Generator<AnswerEvent> {
    const chunk = data as Chunk;
    if (chunk.error !== undefined) throw toError(chunk.error);
    this.#measure(chunk);
    if (chunk.prompt_progress !== undefined) {
      const { total, cache, processed } = chunk.prompt_progress;
      const progress = { promptTokens: total, cachedTokens: cache, processedTokens: processed };
      yield { type: "progress", progress, timings: this.#timings };
    }
    const [choice] = chunk.choices ?? [];
    if (choice === undefined) return;
    const reasoning = choice.delta?.reasoning_content ?? "";
    const text = choice.text ?? choice.delta?.content ?? "";
    const logprobs = (choice.logprobs?.content ?? []).map(toLogprob);
    if ((reasoning !== "" || text !== "") && this.#firstTokenMs === 0) {
      this.#firstTokenMs = performance.now() - this.#started;
    }
    if (reasoning !== "") yield { type: "reasoning", text: reasoning, logprobs: [] };
    if (text !== "" || logprobs.length > 0) yield { type: "text", text, logprobs };
    if (choice.finish_reason) this.#finish = choice.finish_reason === "length" ? "length" : "stop";
  }

  /** The last event. @param isCancelled whether this client ended the answer. */
  done(isCancelled: boolean): Extract<AnswerEvent, { type: "done" }> {
    const firstTokenMs = this.#firstTokenMs;
    return {
      type: "done",
      finishReason: isCancelled ? "cancelled" : this.#finish ?? "stop",
      stopString: null,
      usage: this.#usage,
      timings: {
        ...this.#timings,
        firstTokenMs,
        // The server reports no time in its queue: what remains until the first token.
        queueMs: Math.max(0, firstTokenMs - this.#timings.promptMs),
      },
      ...(this.#notices.length === 0
        ? {}
        : { notices: this.#notices.map((message) => ({ message })) }),
    };
  }

  get isComplete(): boolean {
    return this.#finish !== null;
  }

  #measure({ usage, timings, notices = [] }: Chunk): void {
    if (notices.length > 0) this.#notices = notices;
    if (usage) {
      this.#usage = {
        promptTokens: usage.prompt_tokens,
        completionTokens: usage.completion_tokens,
        cachedTokens: usage.prompt_tokens_details?.cached_tokens ?? 0,
      };
    }
    if (timings !== undefined) {
      this.#timings = {
        ...NO_TIMINGS,
        promptMs: timings.prompt_ms,
        promptPerSecond: timings.prompt_per_second,
        predictedMs: timings.predicted_ms,
        ...(timings.media_ms === undefined ? {} : { mediaMs: timings.media_ms }),
        predictedPerSecond: timings.predicted_per_second,
        ...(timings.draft_n === undefined
          ? {}
          : { draftedTokens: timings.draft_n, acceptedTokens: timings.draft_n_accepted ?? 0 }),
      };
    }
  }
}

function toLogprob(wire: WireLogprob): AnswerLogprob {
  const { top_logprobs: top = [] } = wire;
  return { ...toToken(wire), top: top.map(toToken) };
}

/** OpenAI's format has the text of a token and no id. */
function toToken({ bytes, token, logprob }: WireLogprob) {
  return { token: -1, logprob, bytes: bytes ?? [...new TextEncoder().encode(token)] };
}
