import type { SequenceRequest } from "../engine/protocol.ts";
import type { AnswerRequest } from "./conversation.ts";
import { GrammarRules, quoted } from "./gbnf.ts";
import type { RenderedChat } from "./prompt.ts";

/** What an answer is held to: null where it may be any text. */
export function constraintOf(
  request: AnswerRequest,
  chat: RenderedChat | null,
): NonNullable<SequenceRequest["grammar"]> | null {
  const { format } = request;
  if (format.type !== "grammar") return null;
  const rules = new GrammarRules(() => "");
  if (chat === null) return { source: format.source };
  return { source: rules.print(`${reasoning(chat, rules)} ${rules.part(format.source)}`) };
}

/** A GBNF expression for the reasoning with which an answer may begin. */
function reasoning(chat: RenderedChat, rules: GrammarRules): string {
  const { open, close } = chat.reasoning;
  const body = `${rules.until(close)} ${quoted(close)} [ \\t\\r\\n]*`;
  if (chat.opensReasoning) return body;
  return chat.mayReason ? `( ${quoted(open)} ${body} )?` : "";
}
