import type { AnswerEvent, AnswerLogprob } from "../../../../chat/mod.ts";
import type { TokenLogprob } from "../../../../engine/protocol/mod.ts";
import { ShimmyError } from "../../../../errors.ts";

/** A token's log probability as Ollama writes it. */
export interface Logprob {
  readonly token: string;
  readonly logprob: number;
  readonly bytes: readonly number[];
  readonly top_logprobs?: readonly Logprob[];
}

/** A call as Ollama writes it: its arguments are whole. */
export interface Call {
  readonly id: string;
  readonly function: {
    readonly index: number;
    readonly name: string;
    readonly arguments: Readonly<Record<string, unknown>>;
  };
}

/** A part of an answer, or several joined into one. */
export interface Piece {
  readonly content: string;
  readonly thinking: string;
  readonly calls: readonly Call[];
  readonly logprobs: readonly Logprob[];
}

export type DoneEvent = Extract<AnswerEvent, { type: "done" }>;

export const NO_PIECE: Piece = { content: "", thinking: "", calls: [], logprobs: [] };

/** Two parts of an answer as one. */
export function join(a: Piece, b: Piece): Piece {
  return {
    content: a.content + b.content,
    thinking: a.thinking + b.thinking,
    calls: [...a.calls, ...b.calls],
    logprobs: [...a.logprobs, ...b.logprobs],
  };
}

/**
 * An answer in the pieces Ollama sends: text and thoughts as they come, a call once its arguments are
 * whole. A call that the token limit cut off is left out. The last value is the `done` event.
 *
 * @throws {ShimmyError} `cancelled` when the answer was given up.
 */
export async function* pieces(
  events: AsyncIterable<AnswerEvent>,
): AsyncGenerator<Piece | DoneEvent, void> {
  let call: { index: number; id: string; name: string; json: string } | null = null;
  for await (const event of events) {
    if (call !== null && event.type !== "tool_arguments") {
      const whole = toCall(call);
      call = null;
      if (whole !== null) yield { ...NO_PIECE, calls: [whole] };
    }
    switch (event.type) {
      case "text":
        if (event.text !== "" || event.logprobs.length > 0) {
          const logprobs = event.logprobs.map(toLogprob);
          yield { ...NO_PIECE, content: event.text, logprobs };
        }
        break;
      case "reasoning":
        if (event.text !== "") {
          yield { ...NO_PIECE, thinking: event.text, logprobs: event.logprobs.map(toLogprob) };
        }
        break;
      case "tool_call":
        call = { index: event.index, id: event.id, name: event.name, json: "" };
        break;
      case "tool_arguments":
        if (call !== null) call.json += event.text;
        break;
      case "done":
        if (event.finishReason === "cancelled") {
          throw new ShimmyError("cancelled", "The answer was cancelled before its end");
        }
        yield event;
    }
  }
}

function toCall(
  { index, id, name, json }: { index: number; id: string; name: string; json: string },
): Call | null {
  try {
    const value: unknown = json === "" ? {} : JSON.parse(json);
    if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
    return { id, function: { index, name, arguments: value as Record<string, unknown> } };
  } catch {
    return null;
  }
}

const decoder = new TextDecoder();

function toToken({ bytes, logprob }: TokenLogprob): Logprob {
  return { token: decoder.decode(new Uint8Array(bytes)), logprob, bytes };
}

function toLogprob(chosen: AnswerLogprob): Logprob {
  const { top } = chosen;
  return { ...toToken(chosen), ...(top.length === 0 ? {} : { top_logprobs: top.map(toToken) }) };
}
