import type { Sampling } from "../protocol/mod.ts";

/**
 * Sampling that the model file recommends in the metadata keys `general.sampling.*` (names:
 * `llama_model_meta_key_str`).
 */
export function recommendedSampling(metadata: Readonly<Record<string, string>>): Partial<Sampling> {
  const number = (key: string): number | undefined => {
    const text = metadata[`general.sampling.${key}`];
    const value = text === undefined ? NaN : Number(text);
    return Number.isFinite(value) ? value : undefined;
  };
  const mirostat = number("mirostat");
  const values = {
    topK: number("top_k"),
    topP: number("top_p"),
    minP: number("min_p"),
    xtcProbability: number("xtc_probability"),
    xtcThreshold: number("xtc_threshold"),
    temperature: number("temp"),
    repeatLastN: number("penalty_last_n"),
    repeatPenalty: number("penalty_repeat"),
    mirostat: mirostat === 0 || mirostat === 1 || mirostat === 2 ? mirostat : undefined,
    mirostatTau: number("mirostat_tau"),
    mirostatEta: number("mirostat_eta"),
  };
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}
