import type { Candidate } from "../../../ffi/mod.ts";
import type { TokenLogprob } from "../protocol/mod.ts";

/**
 * Log probabilities of the chosen token and of the `top` likeliest tokens, from the logits before
 * sampling: `logit - log(sum(exp(logits)))`. Subtracts the largest logit first to avoid overflow.
 */
export function tokenLogprobs(
  logits: Float32Array,
  chosen: number,
  top: number,
  bytes: (token: number) => Uint8Array,
): TokenLogprob & { top: TokenLogprob[] } {
  let largest = -Infinity;
  for (const logit of logits) if (logit > largest) largest = logit;
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - largest);
  const normalizer = largest + Math.log(sum);
  const describe = (token: number): TokenLogprob => ({
    token,
    bytes: [...bytes(token)],
    logprob: logits[token]! - normalizer,
  });
  return { ...describe(chosen), top: likeliest(logits, top).map(describe) };
}

/**
 * Log probabilities of the chosen token and of the `top` likeliest candidates that the samplers left. A
 * sampler that takes the most likely token leaves no other.
 */
export function sampledLogprobs(
  candidates: readonly Candidate[],
  chosen: number,
  top: number,
  bytes: (token: number) => Uint8Array,
): TokenLogprob & { top: TokenLogprob[] } {
  const left = candidates.some(({ token }) => token === chosen)
    ? candidates
    : [{ token: chosen, probability: 1 }];
  const describe = ({ token, probability }: Candidate): TokenLogprob => ({
    token,
    bytes: [...bytes(token)],
    logprob: Math.log(probability),
  });
  const ranked = left.toSorted((a, b) => b.probability - a.probability).slice(0, top);
  return {
    ...describe(left.find(({ token }) => token === chosen)!),
    top: ranked.map(describe),
  };
}

/** Ids of the `count` largest logits in descending order. */
function likeliest(logits: Float32Array, count: number): number[] {
  const best: number[] = [];
  for (let id = 0; id < logits.length; id++) {
    const logit = logits[id]!;
    if (best.length === count && !(logit > logits[best[count - 1]!]!)) continue;
    let at = best.length;
    while (at > 0 && logit > logits[best[at - 1]!]!) at--;
    best.splice(at, 0, id);
    if (best.length > count) best.pop();
  }
  return best;
}
