import type { AnswerRequest } from "../../../../chat/mod.ts";
import type { Sampling } from "../../../../engine/protocol/mod.ts";

/** Seeds are 32 bits wide and the highest stands for "any" (`LLAMA_DEFAULT_SEED` in llama.h). */
const SEEDS = 0xffff_ffff;

/** The same request for each choice; a seed is counted on, or all choices would be the same text. */
export function perChoice(request: AnswerRequest, count: number): AnswerRequest[] {
  const { sampling, reasoningSampling } = request;
  return Array.from({ length: count }, (_, index) => ({
    ...request,
    sampling: countedOn(sampling, index),
    ...(reasoningSampling === undefined
      ? {}
      : { reasoningSampling: countedOn(reasoningSampling, index) }),
  }));
}

function countedOn(sampling: Partial<Sampling>, index: number): Partial<Sampling> {
  const { seed } = sampling;
  return typeof seed === "number" ? { ...sampling, seed: (seed + index) % SEEDS } : sampling;
}
