import type { ModelInfo, PromptPart } from "../../engine/protocol/mod.ts";
import { ShimmyError } from "../../errors.ts";
import type { Input } from "../conversation/mod.ts";

/** More than the characters of the longest token of any vocabulary: the longest are runs of spaces. */
const MAX_TOKEN_CHARACTERS = 1024;

/**
 * Refuses a prompt that cannot fit the context before its text is tokenized, which takes minutes for a text
 * of many megabytes and cannot be interrupted.
 *
 * @throws {ShimmyError} `context_length`
 */
export function checkPromptLength(
  info: Pick<ModelInfo, "contextLength">,
  prompt: readonly PromptPart[],
): void {
  let [tokens, characters] = [0, 0];
  for (const part of prompt) {
    if ("tokens" in part) tokens += part.tokens.length;
    else if ("text" in part) characters += part.text.length;
  }
  checkLength(info, tokens, characters);
}

/**
 * Refuses a conversation whose messages alone cannot fit the context, before they are copied to another thread
 * and rendered. Templates leave out parts of earlier answers, so these are not counted.
 *
 * @throws {ShimmyError} `context_length`
 */
export function checkMessagesLength(info: Pick<ModelInfo, "contextLength">, input: Input): void {
  if (input.type !== "chat") return;
  let characters = 0;
  for (const { role, content } of input.messages) {
    if (role !== "assistant") characters += content.length;
  }
  checkLength(info, 0, characters);
}

/** @throws {ShimmyError} `context_length` */
function checkLength(
  { contextLength }: Pick<ModelInfo, "contextLength">,
  tokens: number,
  characters: number,
): void {
  const least = tokens + Math.ceil(characters / MAX_TOKEN_CHARACTERS);
  if (least <= contextLength) return;
  const held = `but the context holds ${contextLength}`;
  throw new ShimmyError(
    "context_length",
    characters === 0
      ? `The prompt has ${tokens} tokens, ${held}`
      : `The prompt has ${characters} characters, ${held} tokens`,
    { field: "prompt", overflow: { promptTokens: least, contextLength } },
  );
}
