import type { AnswerLogprob } from "../../../../chat/mod.ts";
import type { TokenLogprob } from "../../../../engine/protocol/mod.ts";

/** JSON has no negative infinity; llama-server writes the lowest 32-bit float. */
const LOWEST = -3.4028234663852886e38;

const decoder = new TextDecoder();

function toToken({ token, bytes, logprob }: TokenLogprob, isSampled: boolean) {
  return {
    id: token,
    token: decoder.decode(new Uint8Array(bytes)),
    bytes: [...bytes],
    ...(isSampled ? { prob: Math.exp(logprob) } : { logprob: Math.max(logprob, LOWEST) }),
  };
}

/**
 * `completion_probabilities`: log probabilities, or probabilities after the samplers, of tokens and of
 * their alternatives.
 */
export function toProbabilities(logprobs: readonly AnswerLogprob[], isSampled: boolean) {
  return logprobs.map((chosen) => ({
    ...toToken(chosen, isSampled),
    [isSampled ? "top_probs" : "top_logprobs"]: chosen.top.map((one) => toToken(one, isSampled)),
  }));
}
