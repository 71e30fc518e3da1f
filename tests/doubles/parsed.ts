import type { Tool } from "../../src/chat/conversation/conversation.ts";
import type { ToolFormat } from "../../src/chat/formats/shared/format.ts";
import { AnswerParser } from "../../src/chat/answer_parser.ts";
import type { RenderedChat } from "../../src/chat/prompt/prompt.ts";

/** A parsed answer, reassembled from events. */
export interface ParsedAnswer {
  readonly text: string;
  readonly reasoning: string;
  readonly calls: readonly { readonly name: string; readonly arguments: unknown }[];
}

/**
 * Parses a text in pieces of `size` characters.
 * @throws {SyntaxError} if the arguments of a call are not JSON.
 */
export function parseAnswer(chat: RenderedChat, text: string, size: number): ParsedAnswer {
  const parser = new AnswerParser(chat);
  const events = [];
  for (let at = 0; at < text.length; at += size) {
    events.push(...parser.push(text.slice(at, at + size)));
  }
  events.push(...parser.end());
  const calls: { name: string; arguments: string }[] = [];
  let [content, reasoning] = ["", ""];
  for (const event of events) {
    if (event.type === "text") content += event.text;
    else if (event.type === "reasoning") reasoning += event.text;
    else if (event.type === "tool_call") calls.push({ name: event.name, arguments: "" });
    else calls[event.index]!.arguments += event.text;
  }
  return {
    text: content,
    reasoning,
    calls: calls.map((call) => ({ name: call.name, arguments: JSON.parse(call.arguments) })),
  };
}

/** An answer that was cut, with the arguments of its calls as text. */
export interface CutAnswer {
  readonly text: string;
  readonly reasoning: string;
  readonly calls: readonly { readonly name: string; readonly arguments: string }[];
  readonly incompleteCall: number | null;
  readonly endsInCall: boolean;
}

/** Parses a text that comes in pieces and is cut after them. `cut` null: the model ended it. */
export function parsePieces(
  chat: RenderedChat,
  pieces: readonly string[],
  cut: { readonly following: string | null } | null,
): CutAnswer {
  const parser = new AnswerParser(chat);
  const events = [...pieces.flatMap((piece) => parser.push(piece)), ...parser.end(cut)];
  const calls: { name: string; arguments: string }[] = [];
  let [text, reasoning] = ["", ""];
  for (const event of events) {
    if (event.type === "text") text += event.text;
    else if (event.type === "reasoning") reasoning += event.text;
    else if (event.type === "tool_call") calls.push({ name: event.name, arguments: "" });
    else calls[event.index]!.arguments += event.text;
  }
  const { incompleteCall, endsInCall } = parser;
  return { text, reasoning, calls, incompleteCall, endsInCall };
}

/** A rendered conversation with a tool format, for a parser. */
export function chatIn(
  format: ToolFormat,
  tools: readonly Tool[],
  opensReasoning = false,
): RenderedChat {
  return {
    parts: [],
    tools,
    format,
    reasoning: format.reasoning ?? { open: "<think>", close: "</think>", isDefault: true },
    opensReasoning,
    mayReason: true,
    generationPrompt: "",
    stops: [],
  };
}
