import type { ModelInfo, PromptPart } from "../../engine/protocol/mod.ts";
import {
  checkRawGrammar,
  type Constraint,
  constraintOf,
  type GrammarToken,
} from "../constraint/mod.ts";
import type { Format, Input } from "../conversation/mod.ts";
import { renderChat, type RenderedChat, renderPrompt } from "../prompt/mod.ts";

/** A request as the engine and the parser of its answer need it. */
export interface PreparedAnswer {
  readonly prompt: readonly PromptPart[];
  /** Null for a prompt that is not a conversation. */
  readonly chat: RenderedChat | null;
  /** Null for unconstrained text. */
  readonly constraint: Constraint | null;
  /** Tokens of the request's own grammar. */
  readonly grammarTokens: readonly GrammarToken[];
}

/**
 * Renders prompts and compiles grammars. Templates, schemas and grammars come from clients and model
 * files, so a server does this work outside of its main thread.
 */
export interface Preparer {
  /**
   * Renders a request's prompt and compiles its constraint.
   *
   * @throws {ShimmyError} `invalid` if the template refuses the conversation, if a grammar cannot
   * express the format, or if one of them exceeds its budget.
   */
  answer(info: ModelInfo, input: Input, format: Format): Promise<PreparedAnswer>;
  /** Renders a prompt. Throws as {@linkcode Preparer.answer} does. */
  prompt(info: ModelInfo, input: Input): Promise<readonly PromptPart[]>;
}

/** Parts of a preparation, with limits of their own. */
export type Phase = "template" | "format";

/** Prepares a request in this thread. `onPhase` is called before each part of the work. */
export async function prepareAnswer(
  info: ModelInfo,
  input: Input,
  format: Format,
  onPhase: (phase: Phase) => void = () => {},
): Promise<PreparedAnswer> {
  onPhase("template");
  const chat = input.type === "chat" ? await renderChat(info, input) : null;
  const prompt = chat?.parts ?? await renderPrompt(info, input);
  if (format.type !== "text" || (chat !== null && chat.tools.length > 0)) onPhase("format");
  const grammarTokens = format.type === "grammar"
    ? await checkRawGrammar(format.source, format.field)
    : [];
  const constraint = await constraintOf({ input, format }, chat);
  return { prompt, chat, constraint, grammarTokens };
}

/** Prepares requests in the calling thread, for programs with one user. */
export const inlinePreparer: Preparer = {
  answer: prepareAnswer,
  prompt: renderPrompt,
};
