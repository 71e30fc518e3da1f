import type { MediaInput, ModelInfo, PromptPart } from "../../engine/protocol/mod.ts";
import {
  checkRawGrammar,
  type Constraint,
  constraintOf,
  type GrammarToken,
} from "../constraint/mod.ts";
import type { Format, Input, RemoteImage } from "../conversation/mod.ts";
import { renderChat, type RenderedChat, renderPrompt } from "../prompt/mod.ts";
import { checkPromptLength } from "./prompt_length.ts";

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
   * express the format, or if one of them exceeds its budget; `context_length` for a prompt that cannot fit
   * the context.
   */
  answer(info: ModelInfo, input: Input, format: Format): Promise<PreparedAnswer>;
  /** Renders a prompt. Throws as {@linkcode Preparer.answer} does. */
  prompt(info: ModelInfo, input: Input): Promise<readonly PromptPart[]>;
  /** Fetches the images of a conversation that are at URLs; absent: they are refused. */
  readonly fetchImages?: FetchImages;
}

/**
 * Fetches the images of a request, in their order.
 *
 * @param signal aborts when nobody needs the images any more; absent: that of the request
 * @throws {ShimmyError} `invalid` with the field of an image that cannot be fetched; `overloaded` if too many
 * images wait; `cancelled` after an abort.
 */
export type FetchImages = (
  images: readonly RemoteImage[],
  signal?: AbortSignal,
) => Promise<readonly MediaInput[]>;

/** Parses the JSON texts of large requests, outside of the main thread too. */
export interface JsonParser {
  /**
   * Parses a text.
   *
   * @param bytes The text in UTF-8, in a buffer of its own, which cannot be used afterwards.
   * @param field Name of the whole value in errors.
   * @throws {ShimmyError} `invalid` for bytes that are not JSON, or nest too deep.
   */
  json(bytes: Uint8Array<ArrayBuffer>, field: string): Promise<unknown>;
}

/** Parts of a preparation, with limits of their own. */
export type Phase = "json" | "template" | "format";

/** Prepares a request in this thread. `onPhase` is called before each part of the work that has to be done. */
export async function prepareAnswer(
  info: ModelInfo,
  input: Input,
  format: Format,
  onPhase: (phase: Phase) => void = () => {},
): Promise<PreparedAnswer> {
  onPhase("template");
  const chat = input.type === "chat" ? await renderChat(info, input) : null;
  const prompt = chat?.parts ?? await renderPrompt(info, input);
  checkPromptLength(info, prompt);
  const onFormat = () => onPhase("format");
  if (format.type === "grammar") onFormat();
  const grammarTokens = format.type === "grammar"
    ? await checkRawGrammar(format.source, format.field)
    : [];
  // A grammar that is known from another request is no work.
  const constraint = await constraintOf({ input, format }, chat, onFormat);
  return { prompt, chat, constraint, grammarTokens };
}

/**
 * A preparer that prepares the first answer once for all answers with the same format. Their inputs must
 * be the same too, as those of the choices of a request are.
 */
export function sharedPreparer(preparer: Preparer): Preparer {
  let first: { readonly format: Format; readonly prepared: Promise<PreparedAnswer> } | null = null;
  return {
    answer(info, input, format) {
      if (first !== null && first.format !== format) return preparer.answer(info, input, format);
      first ??= { format, prepared: preparer.answer(info, input, format) };
      return first.prepared;
    },
    prompt: (info, input) => preparer.prompt(info, input),
    ...(preparer.fetchImages === undefined ? {} : { fetchImages: preparer.fetchImages }),
  };
}

/** Prepares requests in the calling thread, for programs with one user. */
export const inlinePreparer: Preparer = {
  answer: prepareAnswer,
  prompt: renderPrompt,
};
