import type { AnswerLogprob } from "../../../../chat/mod.ts";
import type { TokenLogprob } from "../../../../engine/protocol/mod.ts";
import { finiteLogprob } from "../shared/envelope.ts";

const strict = new TextDecoder("utf-8", { fatal: true });

/** A token as the completions API names it: bytes that are no text are spelled out. */
function nameOf({ bytes }: TokenLogprob): string {
  try {
    return strict.decode(new Uint8Array(bytes));
  } catch {
    return `bytes:${bytes.map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("")}`;
  }
}

/**
 * Log probabilities as the completions API reports them: lists side by side.
 *
 * `offset` is where in the choice's text, in characters, the first token begins.
 */
export function toLegacyLogprobs(logprobs: readonly AnswerLogprob[], offset: number) {
  const decoder = new TextDecoder();
  const offsets: number[] = [];
  let at = offset;
  for (const { bytes } of logprobs) {
    offsets.push(at);
    at += [...decoder.decode(new Uint8Array(bytes), { stream: true })].length;
  }
  return {
    tokens: logprobs.map(nameOf),
    token_logprobs: logprobs.map(({ logprob }) => finiteLogprob(logprob)),
    top_logprobs: logprobs.map(({ top }) =>
      Object.fromEntries(top.map((other) => [nameOf(other), finiteLogprob(other.logprob)]))
    ),
    text_offset: offsets,
  };
}

/** Mean log probability of an answer's tokens: what `best_of` ranks by. */
export function meanLogprob(logprobs: readonly AnswerLogprob[]): number {
  if (logprobs.length === 0) return -Infinity;
  return logprobs.reduce((sum, { logprob }) => sum + logprob, 0) / logprobs.length;
}
