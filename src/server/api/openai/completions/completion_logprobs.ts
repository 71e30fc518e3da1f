import type { AnswerLogprob } from "../../../../chat/mod.ts";
import type { PromptLogprob, TokenLogprob } from "../../../../engine/protocol/mod.ts";
import { finiteLogprob } from "../shared/envelope.ts";

const strict = new TextDecoder("utf-8", { fatal: true });

/** A token as text; bytes that are not UTF-8 are written in hexadecimal. */
function nameOf({ bytes }: Pick<TokenLogprob, "bytes">): string {
  try {
    return strict.decode(new Uint8Array(bytes));
  } catch {
    return `bytes:${bytes.map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("")}`;
  }
}

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
    tokens: logprobs.map(nameOf),
    token_logprobs: logprobs.map(({ logprob }) => logprob === null ? null : finiteLogprob(logprob)),
    top_logprobs: logprobs.map(({ top, logprob }) =>
      logprob === null
        ? null
        : Object.fromEntries(top.map((other) => [nameOf(other), finiteLogprob(other.logprob)]))
    ),
    text_offset: offsets,
  };
}

/**
 * Log probabilities of a prompt as vLLM reports them in `prompt_logprobs`: for each token but the first the
 * alternatives and the token itself, by their ids. The rank of a token that is none of the alternatives is
 * not known and left out.
 */
export function toPromptLogprobs(logprobs: readonly PromptLogprob[]) {
  return logprobs.map((chosen) => {
    const { token, logprob, top } = chosen;
    if (logprob === null) return null;
    const entry = (other: TokenLogprob, rank?: number) => ({
      logprob: finiteLogprob(other.logprob),
      ...(rank === undefined ? {} : { rank }),
      decoded_token: nameOf(other),
    });
    return {
      [token]: entry({ ...chosen, logprob }),
      ...Object.fromEntries(top.map((other, at) => [other.token, entry(other, at + 1)])),
    };
  });
}

/** Mean log probability of an answer's tokens: what `best_of` ranks by. */
export function meanLogprob(logprobs: readonly AnswerLogprob[]): number {
  if (logprobs.length === 0) return -Infinity;
  return logprobs.reduce((sum, { logprob }) => sum + logprob, 0) / logprobs.length;
}
