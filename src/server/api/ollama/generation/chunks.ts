import type { AnswerEvent, AnswerLogprob } from "../../../../chat/mod.ts";
import type { TokenLogprob } from "../../../../engine/protocol/mod.ts";
import { ShimmyError } from "../../../../errors.ts";
import { callArguments } from "../../../answers/mod.ts";

/** The log probability of a token in Ollama's form. */
export interface Logprob {
  readonly token: string;
  readonly logprob: number;
  readonly bytes: readonly number[];
  readonly top_logprobs?: readonly Logprob[];
}

/** A tool call in Ollama's form, with complete arguments. */
export interface Call {
  readonly id: string;
  readonly function: {
    readonly index: number;
    readonly name: string;
    readonly arguments: Readonly<Record<string, unknown>>;
  };
}

/** A part of an answer. */
export interface AnswerChunk {
  readonly content: string;
  readonly thinking: string;
  readonly calls: readonly Call[];
  readonly logprobs: readonly Logprob[];
}

export type DoneEvent = Extract<AnswerEvent, { type: "done" }>;

export const EMPTY_CHUNK: AnswerChunk = { content: "", thinking: "", calls: [], logprobs: [] };

/** Merges two consecutive parts of an answer. */
export function mergeChunks(a: AnswerChunk, b: AnswerChunk): AnswerChunk {
  return {
    content: a.content + b.content,
    thinking: a.thinking + b.thinking,
    calls: [...a.calls, ...b.calls],
    logprobs: [...a.logprobs, ...b.logprobs],
  };
}

/**
 * Converts an answer to the chunks that Ollama sends: text and reasoning at once, a tool call when its
 * arguments are complete. The arguments of a call that the token limit or a stop string cut are `{}`.
 */
export class ChunkBuilder {
  readonly #emit: (chunk: AnswerChunk) => void;
  #call: { index: number; id: string; name: string; json: string } | null = null;

  constructor(emit: (chunk: AnswerChunk) => void) {
    this.#emit = emit;
  }

  /** @throws {ShimmyError} `cancelled` when the answer was cancelled. */
  add(event: AnswerEvent): void {
    if (this.#call !== null && event.type !== "tool_arguments") {
      const calls = [toCall(this.#call)];
      this.#call = null;
      this.#emit({ ...EMPTY_CHUNK, calls });
    }
    switch (event.type) {
      case "text":
        if (event.text !== "" || event.logprobs.length > 0) {
          const logprobs = event.logprobs.map(toLogprob);
          this.#emit({ ...EMPTY_CHUNK, content: event.text, logprobs });
        }
        break;
      case "reasoning":
        if (event.text !== "") {
          const logprobs = event.logprobs.map(toLogprob);
          this.#emit({ ...EMPTY_CHUNK, thinking: event.text, logprobs });
        }
        break;
      case "tool_call":
        this.#call = { index: event.index, id: event.id, name: event.name, json: "" };
        break;
      case "tool_arguments":
        if (this.#call !== null) this.#call.json += event.text;
        break;
      case "done":
        if (event.finishReason === "cancelled") {
          throw new ShimmyError("cancelled", "The answer was cancelled before its end");
        }
    }
  }
}

function toCall(
  { index, id, name, json }: { index: number; id: string; name: string; json: string },
): Call {
  return { id, function: { index, name, arguments: callArguments(json) } };
}

const decoder = new TextDecoder();

function toToken({ bytes, logprob }: TokenLogprob): Logprob {
  return { token: decoder.decode(new Uint8Array(bytes)), logprob, bytes };
}

function toLogprob(chosen: AnswerLogprob): Logprob {
  const { top } = chosen;
  return { ...toToken(chosen), ...(top.length === 0 ? {} : { top_logprobs: top.map(toToken) }) };
}
