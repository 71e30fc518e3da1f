import type { SequenceRequest } from "../engine/protocol.ts";
import type { AnswerRequest } from "./conversation.ts";
import { anyTextUntil, quoted, renameRoot } from "./gbnf.ts";
import type { RenderedChat } from "./prompt.ts";

/** What an answer is held to: null where it may be any text. */
export function constraintOf(
  request: AnswerRequest,
  chat: RenderedChat | null,
): NonNullable<SequenceRequest["grammar"]> | null {
  const { format } = request;
  if (format.type !== "grammar") return null;
  return { source: afterReasoning(format.source, chat) };
}

/** A grammar for what follows the reasoning, as a grammar for the whole answer. */
function afterReasoning(source: string, chat: RenderedChat | null): string {
  if (chat === null || !chat.opensReasoning) return source;
  const { close } = chat.reasoning;
  return [
    `root ::= reasoning ${quoted(close)} [ \\t\\r\\n]* answer-root`,
    anyTextUntil("reasoning", close),
    renameRoot(source, "answer-root"),
  ].join("\n");
}
