import type { Engine } from "../../../../engine/mod.ts";
import type { PromptPart } from "../../../../engine/protocol/mod.ts";
import { ShimmyError } from "../../../../errors.ts";
import type { CompletionFields, SinglePrompt } from "./fields.ts";

/** `prompt`: one prompt or a list of prompts. */
type Prompt = SinglePrompt | readonly SinglePrompt[];

/**
 * The prompts of `prompt`, and whether it is a list, to which the response is a list. A list of token
 * ids and texts is one prompt; a list of texts alone is several.
 */
export function promptsOf(prompt: Prompt): { prompts: SinglePrompt[]; isList: boolean } {
  if (!Array.isArray(prompt)) return { prompts: [prompt as SinglePrompt], isList: false };
  if (prompt.some((one) => typeof one === "number")) {
    return { prompts: [prompt as SinglePrompt], isList: false };
  }
  return prompt.length === 0
    ? { prompts: [""], isList: false }
    : { prompts: [...prompt as readonly SinglePrompt[]], isList: true };
}

/**
 * The tokens of a prompt. The special token at the begin precedes a prompt that begins with text.
 * @throws {ShimmyError} `invalid` for an id that is not in the vocabulary.
 */
export async function tokensOf(engine: Engine, prompt: SinglePrompt): Promise<number[]> {
  const parts = partsOf(prompt);
  const [first] = parts;
  // The engine may be computing a batch: what needs no answer of it does not wait for the end of that.
  if (first !== undefined && "tokens" in first && parts.length === 1) {
    checkTokens(engine, first.tokens);
    return [...first.tokens];
  }
  return await engine.tokenize(parts, first === undefined || "text" in first);
}

/** The engine checks them too, but a stream has begun then, in which other prompts may have answers. */
function checkTokens({ info: { vocabularySize } }: Engine, tokens: readonly number[]): void {
  const unknown = tokens.find((token) => token >= vocabularySize);
  if (unknown === undefined) return;
  const message = `prompt: token ${unknown} is not in the vocabulary (0 to ${vocabularySize - 1})`;
  throw new ShimmyError("invalid", message, { field: "prompt" });
}

/** A prompt of texts and token ids for the tokenizer. Control tokens in texts are parsed. */
export function partsOf(prompt: SinglePrompt, special = true): PromptPart[] {
  if (typeof prompt === "string") return [{ text: prompt, special }];
  if (!Array.isArray(prompt)) return [{ text: prompt.prompt_string, special }];
  const parts: PromptPart[] = [];
  let ids: number[] | null = null;
  for (const item of prompt) {
    if (typeof item === "string") {
      parts.push({ text: item, special });
      ids = null;
    } else {
      if (ids === null) parts.push({ tokens: ids = [] });
      ids.push(item);
    }
  }
  return parts;
}

/** `logit_bias` for the engine: ids, with texts replaced by their tokens. */
export async function biasesOf(
  engine: Engine,
  given: NonNullable<CompletionFields["logit_bias"]>,
): Promise<{ token: number; bias: number }[]> {
  const pairs = Array.isArray(given)
    ? given
    : Object.entries(given).map(([key, bias]) => [/^\d+$/.test(key) ? Number(key) : key, bias]);
  const biases: { token: number; bias: number }[] = [];
  // One after the other: a request can have many texts, and others have questions to the engine too.
  for (const [key, given] of pairs as [number | string, number | false][]) {
    const bias = given === false ? -Infinity : given;
    const tokens = typeof key === "number"
      ? [key]
      : await engine.tokenize([{ text: key, special: false }], false);
    for (const token of tokens) biases.push({ token, bias });
  }
  // Ids beyond the vocabulary have no effect, as in llama-server.
  return biases.filter(({ token }) => token < engine.info.vocabularySize);
}
