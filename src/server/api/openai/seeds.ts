import type { AnswerRequest } from "../../../chat/conversation.ts";

/** Seeds are 32 bits wide and the highest stands for "any" (`LLAMA_DEFAULT_SEED` in llama.h). */
const SEEDS = 0xffff_ffff;

/** The same request for each choice; a seed is counted on, or all choices would be the same text. */
export function perChoice(request: AnswerRequest, count: number): AnswerRequest[] {
  const { seed } = request.sampling;
  return Array.from({ length: count }, (_, index) => ({
    ...request,
    sampling: typeof seed === "number"
      ? { ...request.sampling, seed: (seed + index) % SEEDS }
      : request.sampling,
  }));
}
