import type { PromptLogprob, TokenLogprob } from "../../../../engine/protocol/mod.ts";
import { finiteLogprob } from "./envelope.ts";

const strict = new TextDecoder("utf-8", { fatal: true });

/** A token as text; bytes that are not UTF-8 are written in hexadecimal. */
export function tokenName({ bytes }: Pick<TokenLogprob, "bytes">): string {
  try {
    return strict.decode(new Uint8Array(bytes));
  } catch {
    return `bytes:${bytes.map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("")}`;
  }
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
      decoded_token: tokenName(other),
    });
    return {
      [token]: entry({ ...chosen, logprob }),
      ...Object.fromEntries(top.map((other, at) => [other.token, entry(other, at + 1)])),
    };
  });
}
