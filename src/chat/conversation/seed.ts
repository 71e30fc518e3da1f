import type { Sampling } from "../../engine/protocol/mod.ts";

/** Seeds have 32 bits, and the highest means "random" (`LLAMA_DEFAULT_SEED` in llama.h). */
const SEED_RANGE = 0xffff_ffff;

/** The sampling with another seed, so that answers to one request differ; unchanged without a seed. */
export function withSeedOffset(sampling: Partial<Sampling>, offset: number): Partial<Sampling> {
  const { seed } = sampling;
  return typeof seed === "number" ? { ...sampling, seed: (seed + offset) % SEED_RANGE } : sampling;
}
