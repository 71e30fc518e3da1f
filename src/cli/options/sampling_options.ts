import type { Sampling } from "../../engine/protocol/mod.ts";
import { integer, number, texts } from "./option_kinds.ts";
import type { Values } from "./options.ts";

/** How tokens are chosen and when an answer ends, for the commands that generate. */
export const SAMPLING_OPTIONS = {
  "max-tokens": integer({ min: 1, fallback: null, help: "tokens to generate at most" }),
  "temperature": number({ min: 0, help: "0 takes the likeliest token; the default is 0.8" }),
  "top-p": number({ min: 0, max: 1, help: "keep the likeliest tokens up to this probability" }),
  "top-k": integer({ min: 0, fallback: null, help: "keep this many of the likeliest tokens" }),
  "min-p": number({ min: 0, max: 1, help: "keep tokens this likely beside the likeliest" }),
  "repeat-penalty": number({ min: 0, help: "make tokens that were used less likely" }),
  "seed": integer({
    min: 0,
    max: 2 ** 32 - 1,
    fallback: null,
    help: "the same seed gives the same text",
  }),
  "stop": texts("TEXT", { help: "end the answer before this text" }),
} as const;

/** The sampling that was asked for; what was not stays the model's own. */
export function samplingOf(values: Values<typeof SAMPLING_OPTIONS>): Partial<Sampling> {
  const wanted = {
    temperature: values["temperature"],
    topP: values["top-p"],
    topK: values["top-k"],
    minP: values["min-p"],
    repeatPenalty: values["repeat-penalty"],
    seed: values["seed"],
  };
  return Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== null));
}
