import type { Sampling } from "../../engine/protocol/mod.ts";
import { integer, number, texts } from "./option_kinds.ts";
import type { Values } from "./options.ts";

/** Sampling and stop options of the commands that generate text. */
export const SAMPLING_OPTIONS = {
  "max-tokens": integer({
    short: "n",
    min: 1,
    fallback: null,
    help: "maximum tokens to generate",
  }),
  "temperature": number({
    min: 0,
    help: "sampling temperature; 0 always selects the most likely token; default 0.8",
  }),
  "top-p": number({
    min: 0,
    max: 1,
    help: "nucleus sampling: keep the most likely tokens up to this total probability",
  }),
  "top-k": integer({ min: 0, fallback: null, help: "keep only the N most likely tokens" }),
  "min-p": number({
    min: 0,
    max: 1,
    help: "minimum probability, relative to the most likely token",
  }),
  "repeat-penalty": number({ min: 0, help: "penalty for tokens that occurred before" }),
  "seed": integer({
    min: 0,
    max: 2 ** 32 - 1,
    fallback: null,
    help: "random seed; the same seed gives the same text",
  }),
  "stop": texts("TEXT", { help: "stop string; it is not part of the answer" }),
} as const;

/** The sampling parameters that were given. The model's own apply to the others. */
export function samplingOf(values: Values<typeof SAMPLING_OPTIONS>): Partial<Sampling> {
  const given = {
    temperature: values["temperature"],
    topP: values["top-p"],
    topK: values["top-k"],
    minP: values["min-p"],
    repeatPenalty: values["repeat-penalty"],
    seed: values["seed"],
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null));
}
