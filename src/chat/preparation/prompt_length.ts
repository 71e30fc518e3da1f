import type { ModelInfo, PromptPart } from "../../engine/protocol/mod.ts";
import { ShimmyError } from "../../errors.ts";

/** More than the characters of the longest token of any vocabulary: the longest are runs of spaces. */
const MAX_TOKEN_CHARACTERS = 1024;

/**
 * Refuses a prompt that cannot fit the context before its text is tokenized, which takes minutes for a text
 * of many megabytes and cannot be interrupted.
 *
 * @throws {ShimmyError} `context_length`
 */
export function checkPromptLength(
  { contextLength }: Pick<ModelInfo, "contextLength">,
  prompt: readonly PromptPart[],
): void {
  let [tokens, characters] = [0, 0];
  for (const part of prompt) {
    if ("tokens" in part) tokens += part.tokens.length;
    else if ("text" in part) characters += part.text.length;
  }
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
