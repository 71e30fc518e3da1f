import * as z from "zod";
import type { AnswerRequest } from "../../chat/mod.ts";
import type { Sampling } from "../../engine/protocol/mod.ts";

/** Beyond this a list in a request is a mistake or an attack: each entry is compared with every token. */
const LIST_LIMIT = 128;

/** A number within bounds, both included; the message says which would be right. */
export function numberBetween(minimum: number, maximum: number) {
  const error = `must be a number from ${minimum} to ${maximum}`;
  return z.number({ error }).min(minimum, { error }).max(maximum, { error });
}

/** A whole number within bounds, both included. */
export function integerBetween(minimum: number, maximum: number) {
  const error = `must be a whole number from ${minimum} to ${maximum}`;
  return z.int({ error }).min(minimum, { error }).max(maximum, { error });
}

/** A whole number from `minimum` on. */
export function integerFrom(minimum: number) {
  const error = `must be a whole number, ${minimum} or more`;
  return z.int({ error }).min(minimum, { error });
}

const BIAS_ERROR = "must map token ids to numbers from -100 to 100, or to false to ban the token";

const logitBias = z.record(
  z.string().regex(/^\d{1,9}$/),
  z.union([
    z.number().min(-100, { error: BIAS_ERROR }).max(100, { error: BIAS_ERROR }),
    z.literal(false),
  ], {
    error: BIAS_ERROR,
  }),
  { error: BIAS_ERROR },
);

const text = z.string({ error: "must be text" });

const SEED_ERROR = "must be a whole number; a negative one means a fresh seed";

/**
 * Every field that shapes how a token is chosen, as requests spell it; `null` counts as absent.
 * Spread it into a dialect's object schema and read the result with {@linkcode toSampling}.
 */
export const samplingFields = {
  temperature: numberBetween(0, 100).nullish().describe("0 takes the likeliest token"),
  dynatemp_range: numberBetween(0, 100).nullish(),
  dynatemp_exponent: numberBetween(0, 100).nullish(),
  top_k: integerFrom(-1).nullish().describe("0 and -1 keep all"),
  top_p: numberBetween(0, 1).nullish(),
  min_p: numberBetween(0, 1).nullish(),
  typical_p: numberBetween(0, 1).nullish(),
  top_n_sigma: numberBetween(-1, 100).nullish().describe("Negative is off"),
  xtc_probability: numberBetween(0, 1).nullish(),
  xtc_threshold: numberBetween(0, 1).nullish(),
  repeat_penalty: numberBetween(0.01, 100).nullish().describe("1 is off"),
  repeat_last_n: integerFrom(-1).nullish()
    .describe("Tokens the penalties look back on; -1 is the whole context"),
  frequency_penalty: numberBetween(-2, 2).nullish(),
  presence_penalty: numberBetween(-2, 2).nullish(),
  dry_multiplier: numberBetween(0, 100).nullish().describe("0 is off"),
  dry_base: numberBetween(1, 100).nullish(),
  dry_allowed_length: integerFrom(0).nullish(),
  dry_penalty_last_n: integerFrom(-1).nullish().describe("-1 is the whole context"),
  dry_sequence_breakers: z.array(text.min(1, { error: "must not be empty" }), {
    error: "must be a list of texts",
  }).max(LIST_LIMIT, { error: `must have at most ${LIST_LIMIT} entries` }).nullish(),
  mirostat: z.union([z.literal(0), z.literal(1), z.literal(2)], {
    error: "must be 0 (off), 1 or 2",
  }).nullish(),
  mirostat_tau: numberBetween(0, 100).nullish(),
  mirostat_eta: numberBetween(0, 1).nullish(),
  seed: z.int({ error: SEED_ERROR }).nullish().describe("Negative: a fresh seed"),
  logit_bias: logitBias.nullish()
    .describe("Token id to what is added to its logit; false bans the token"),
};

/** Sampling of a model's reasoning; read it with {@linkcode toSampling}. */
export const reasoningSampling = z.strictObject(samplingFields, {
  error: "must be an object of sampling fields",
});

const STOP_ERROR = `must be a text that is not empty, or a list of at most ${LIST_LIMIT} of them`;
const stopText = z.string().min(1, { error: STOP_ERROR });

/** Fields that decide when an answer ends; read them with {@linkcode toEnding}. */
export const endingFields = {
  stop: z.union([stopText, z.array(stopText).max(LIST_LIMIT)], { error: STOP_ERROR })
    .nullish().describe("The answer ends before any of these"),
  ignore_eos: z.boolean({ error: "must be true or false" }).nullish()
    .describe("Go on past end-of-generation tokens"),
};

const LORA_ERROR = "must be a list of {name, scale}, the scale a number from -10 to 10";

const loraChoice = z.strictObject({
  name: z.string({ error: LORA_ERROR }).min(1, { error: LORA_ERROR }),
  scale: z.number({ error: LORA_ERROR }).min(-10, { error: LORA_ERROR })
    .max(10, { error: LORA_ERROR }).optional(),
}, { error: LORA_ERROR });

const SESSION_ERROR = "must be 1 to 128 characters of text";

/** Fields that say how a request is run; read them with {@linkcode toRun}. */
export const runFields = {
  priority: integerBetween(-10, 10).nullish()
    .describe("Waiting requests with a higher one go first; 0 when absent"),
  session: z.string({ error: SESSION_ERROR }).min(1, { error: SESSION_ERROR })
    .max(128, { error: SESSION_ERROR }).nullish()
    .describe("A name under which the computed state is kept, also over a restart"),
  lora: z.array(loraChoice, { error: LORA_ERROR }).max(8, { error: "at most 8 adapters" }).nullish()
    .describe(
      "Adapters to answer with, in place of those that have a scale of their own; none for []. One " +
        "that is not loaded is loaded",
    ),
  reasoning_budget: integerFrom(0).nullish()
    .describe("Tokens of reasoning after which the answer begins"),
  reasoning_sampling: reasoningSampling.nullish()
    .describe("What of the sampling is another while the model reasons before its answer"),
};

const samplingSchema = z.object(samplingFields);
const endingSchema = z.object(endingFields);
const runSchema = z.object(runFields);

type SamplingBody = z.output<typeof samplingSchema>;
type EndingBody = z.output<typeof endingSchema>;
type RunBody = z.output<typeof runSchema>;

/** Fields whose value goes to the engine as it is. */
const SAME: readonly (readonly [
  Exclude<keyof SamplingBody, "seed" | "logit_bias" | "top_k">,
  Exclude<keyof Sampling, "seed" | "logitBias" | "topK">,
])[] = [
  ["temperature", "temperature"],
  ["dynatemp_range", "dynatempRange"],
  ["dynatemp_exponent", "dynatempExponent"],
  ["top_p", "topP"],
  ["min_p", "minP"],
  ["typical_p", "typicalP"],
  ["top_n_sigma", "topNSigma"],
  ["xtc_probability", "xtcProbability"],
  ["xtc_threshold", "xtcThreshold"],
  ["repeat_penalty", "repeatPenalty"],
  ["repeat_last_n", "repeatLastN"],
  ["frequency_penalty", "frequencyPenalty"],
  ["presence_penalty", "presencePenalty"],
  ["dry_multiplier", "dryMultiplier"],
  ["dry_base", "dryBase"],
  ["dry_allowed_length", "dryAllowedLength"],
  ["dry_penalty_last_n", "dryPenaltyLastN"],
  ["dry_sequence_breakers", "drySequenceBreakers"],
  ["mirostat", "mirostat"],
  ["mirostat_tau", "mirostatTau"],
  ["mirostat_eta", "mirostatEta"],
];

/**
 * libllama's seeds are 32 bits wide and the highest one means "any"
 * (`LLAMA_DEFAULT_SEED` in llama.h), so wider seeds are folded below it.
 */
const SEEDS = 0xffff_ffff;

/** The engine's sampling, with only what the request names. */
export function toSampling(body: SamplingBody): Partial<Sampling> {
  const sampling: Record<string, unknown> = {};
  for (const [field, key] of SAME) {
    const value = body[field];
    if (value !== undefined && value !== null) sampling[key] = value;
  }
  if (typeof body.top_k === "number") sampling.topK = Math.max(0, body.top_k);
  if (typeof body.seed === "number") sampling.seed = body.seed < 0 ? null : body.seed % SEEDS;
  if (body.logit_bias) {
    sampling.logitBias = Object.entries(body.logit_bias).map(([token, bias]) => ({
      token: Number(token),
      bias: bias === false ? -Infinity : bias,
    }));
  }
  return sampling as Partial<Sampling>;
}

/** When the answer ends, as an `AnswerRequest` wants it. */
export function toEnding(body: EndingBody): { stop: readonly string[]; ignoreEos: boolean } {
  const stop = body.stop ?? [];
  return { stop: typeof stop === "string" ? [stop] : stop, ignoreEos: body.ignore_eos ?? false };
}

/** How the request is run, as an `AnswerRequest` wants it. */
export function toRun(
  { priority, session, lora, reasoning_budget: budget, reasoning_sampling: reasoning }: RunBody,
): Pick<
  AnswerRequest,
  "priority" | "session" | "loras" | "reasoningBudget" | "reasoningSampling"
> {
  return {
    ...(isGiven(lora) ? { loras: lora.map(({ name, scale = 1 }) => ({ name, scale })) } : {}),
    ...(isGiven(priority) ? { priority } : {}),
    ...(isGiven(session) ? { session } : {}),
    ...(isGiven(budget) ? { reasoningBudget: budget } : {}),
    ...(isGiven(reasoning) ? { reasoningSampling: toSampling(reasoning) } : {}),
  };
}

/** Whether a field is there; `null` counts as absent. */
export function isGiven<T>(value: T | null | undefined): value is T {
  return value !== null && value !== undefined;
}
