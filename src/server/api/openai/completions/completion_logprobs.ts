import type { AnswerLogprob } from "../../../../chat/mod.ts";
import type { PromptLogprob } from "../../../../engine/protocol/mod.ts";
import { finiteLogprob } from "../shared/envelope.ts";
import { tokenName } from "../shared/prompt_logprobs.ts";

/**
 * Log probabilities as the completions API reports them: lists side by side.
 *
 * The first token of a prompt has no log probability and no alternatives.
 *
 * @param offset where in the choice's text, in characters, the first token begins.
 */
export function toLegacyLogprobs(
  logprobs: readonly (AnswerLogprob | PromptLogprob)[],
  offset: number,
) {
  const decoder = new TextDecoder();
  const offsets: number[] = [];
  let at = offset;
  for (const { bytes } of logprobs) {
    offsets.push(at);
    at += [...decoder.decode(new Uint8Array(bytes), { stream: true })].length;
  }
  return {
    tokens: logprobs.map(tokenName),
    token_logprobs: logprobs.map(({ logprob }) => logprob === null ? null : finiteLogprob(logprob)),
    top_logprobs: logprobs.map(withAlternatives),
    text_offset: offsets,
  };
}

/** The alternatives of a token by name, and the token itself, as OpenAI documents `logprobs`. */
function withAlternatives(chosen: AnswerLogprob | PromptLogprob) {
  if (chosen.logprob === null) return null;
  const all = [...chosen.top, { bytes: chosen.bytes, logprob: chosen.logprob }];
  return Object.fromEntries(all.map((one) => [tokenName(one), finiteLogprob(one.logprob)]));
}

/** Mean log probability of an answer's tokens: what `best_of` ranks by. */
export function meanLogprob(logprobs: readonly AnswerLogprob[]): number {
  if (logprobs.length === 0) return -Infinity;
  return logprobs.reduce((sum, { logprob }) => sum + logprob, 0) / logprobs.length;
}
