import { ShimmyError } from "../errors.ts";
import type { ModelInfo, PromptPart } from "./protocol/mod.ts";

/** Characters that are tokenized for every model. */
const LEAST_CHARACTERS = 1 << 20;
/** Characters for each token of the context: several times those of a usual token. */
const CHARACTERS_PER_TOKEN = 16;

/**
 * Refuses a text that is much longer than a context can hold. It would be tokenized for minutes, and
 * that cannot be interrupted.
 *
 * @throws {ShimmyError} `invalid`
 */
export function checkTextLength(
  { contextLength }: Pick<ModelInfo, "contextLength">,
  prompt: readonly PromptPart[],
): void {
  const most = Math.max(LEAST_CHARACTERS, CHARACTERS_PER_TOKEN * contextLength);
  let length = 0;
  for (const part of prompt) if ("text" in part) length += part.text.length;
  if (length <= most) return;
  throw new ShimmyError(
    "invalid",
    `The text to tokenize has ${length} characters; ${most} are allowed for this model`,
  );
}
