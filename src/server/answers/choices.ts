import type { AnswerRequest } from "../../chat/mod.ts";
import type { Sampling } from "../../engine/protocol/mod.ts";

/** Seeds have 32 bits, and the highest means "random" (`LLAMA_DEFAULT_SEED` in llama.h). */
const SEED_RANGE = 0xffff_ffff;

/** The request of each choice. A seed is incremented per choice, so that the choices differ. */
export function toChoiceRequests(request: AnswerRequest, count: number): AnswerRequest[] {
  const { sampling, reasoningSampling } = request;
  return Array.from({ length: count }, (_, index) => ({
    ...request,
    sampling: withSeedOffset(sampling, index),
    ...(reasoningSampling === undefined
      ? {}
      : { reasoningSampling: withSeedOffset(reasoningSampling, index) }),
  }));
}

function withSeedOffset(sampling: Partial<Sampling>, index: number): Partial<Sampling> {
  const { seed } = sampling;
  return typeof seed === "number" ? { ...sampling, seed: (seed + index) % SEED_RANGE } : sampling;
}
