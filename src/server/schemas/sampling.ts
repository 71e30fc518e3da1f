import { ownMember } from "../../own_member.ts";
import * as z from "zod";
import type { AnswerRequest } from "../../chat/mod.ts";
import { type SamplerName, SAMPLERS, type Sampling } from "../../engine/protocol/mod.ts";

/** Maximum length of lists in a request: every token is compared with each entry. */
const LIST_LIMIT = 128;

/** A number within inclusive bounds. */
export function numberBetween(minimum: number, maximum: number) {
  const error = `must be a number from ${minimum} to ${maximum}`;
  return z.number({ error }).min(minimum, { error }).max(maximum, { error });
}

/** An integer within inclusive bounds. */
export function integerBetween(minimum: number, maximum: number) {
  const error = `must be a whole number from ${minimum} to ${maximum}`;
  return z.int({ error }).min(minimum, { error }).max(maximum, { error });
}

/** An integer of at least `minimum`. */
export function integerFrom(minimum: number) {
  const error = `must be a whole number, ${minimum} or more`;
  return z.int({ error }).min(minimum, { error });
}

/** Largest integer of libllama's parameters. */
const LARGEST_INTEGER = 2 ** 31 - 1;

/** Maximum number of sequence breakers: libllama compares each with the whole vocabulary, for each request. */
const MAX_BREAKERS = 16;

/** An integer parameter of libllama of at least `minimum`. */
function nativeInteger(minimum: number) {
  return integerBetween(minimum, LARGEST_INTEGER);
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

/** Maximum number of samplers: each of them works on the vocabulary for every token. */
const MAX_SAMPLERS = 32;
const SAMPLERS_ERROR = `must be a list of at most ${MAX_SAMPLERS} of ${SAMPLERS.join(", ")}`;

/** The letters of samplers (`common_sampler_type_to_chr` of llama.cpp). */
const SAMPLER_LETTERS: Readonly<Record<string, SamplerName>> = {
  e: "penalties",
  d: "dry",
  s: "top_n_sigma",
  k: "top_k",
  y: "typ_p",
  p: "top_p",
  m: "min_p",
  x: "xtc",
  t: "temperature",
  i: "infill",
  a: "adaptive_p",
};

/** Other spellings (`common_sampler_types_from_names`). */
const SAMPLER_ALIASES: Readonly<Record<string, SamplerName>> = {
  ...Object.fromEntries(
    SAMPLERS.flatMap((
      name,
    ) => [[name.replaceAll("_", "-"), name], [name.replaceAll("_", ""), name]]),
  ),
  nucleus: "top_p",
  temp: "temperature",
  typ: "typ_p",
};

/** The samplers of a list or of a text of letters; null if one is unknown, or if there are too many. */
function namesOf(given: string | readonly string[]): readonly SamplerName[] | null {
  if (given.length > MAX_SAMPLERS) return null;
  const names = typeof given === "string"
    ? [...given].map((letter) => SAMPLER_LETTERS[letter])
    : given.map((name) => name.toLowerCase()).map((name) =>
      SAMPLERS.find((own) => own === name) ?? ownMember(SAMPLER_ALIASES, name)
    );
  return names.every((name) => name !== undefined) ? names : null;
}

const SEED_ERROR = "must be a whole number; a negative value selects a random seed";

/**
 * The sampling fields of requests; `null` counts as absent. Spread them into the schema of a dialect and
 * convert the result with {@linkcode toSampling}.
 */
export const samplingFields = {
  temperature: numberBetween(0, 100).nullish().describe("0 selects the most likely token"),
  dynatemp_range: numberBetween(0, 100).nullish(),
  dynatemp_exponent: numberBetween(0, 100).nullish(),
  top_k: nativeInteger(-1).nullish().describe("0 and -1 disable it"),
  top_p: numberBetween(0, 1).nullish(),
  min_p: numberBetween(0, 1).nullish(),
  typical_p: numberBetween(0, 1).nullish(),
  top_n_sigma: numberBetween(-1, 100).nullish().describe("A negative value disables it"),
  xtc_probability: numberBetween(0, 1).nullish(),
  xtc_threshold: numberBetween(0, 1).nullish(),
  repeat_penalty: numberBetween(0.01, 100).nullish().describe("1 disables it"),
  repeat_last_n: nativeInteger(-1).nullish()
    .describe("Number of latest tokens that penalties apply to; -1 is the whole context"),
  frequency_penalty: numberBetween(-2, 2).nullish(),
  presence_penalty: numberBetween(-2, 2).nullish(),
  dry_multiplier: numberBetween(0, 100).nullish().describe("0 disables it"),
  dry_base: numberBetween(1, 100).nullish(),
  dry_allowed_length: nativeInteger(0).nullish(),
  dry_penalty_last_n: nativeInteger(-1).nullish().describe("-1 is the whole context"),
  dry_sequence_breakers: z.array(text.min(1, { error: "must not be empty" }), {
    error: "must be a list of texts",
  }).max(MAX_BREAKERS, { error: `must have at most ${MAX_BREAKERS} entries` }).nullish(),
  mirostat: z.union([z.literal(0), z.literal(1), z.literal(2)], {
    error: "must be 0 (off), 1 or 2",
  }).nullish(),
  mirostat_tau: numberBetween(0, 100).nullish(),
  mirostat_eta: numberBetween(0, 1).nullish(),
  adaptive_target: numberBetween(-1, 1).nullish()
    .describe("Target probability of the sampler adaptive_p"),
  adaptive_decay: numberBetween(0, 0.99).nullish(),
  min_keep: integerFrom(0).nullish().describe("Minimum candidates that truncating samplers keep"),
  samplers: z.union([z.string(), z.array(z.string())], { error: SAMPLERS_ERROR })
    .refine((given) => namesOf(given) !== null, { error: SAMPLERS_ERROR }).nullish()
    .describe("Samplers in the order of their application: names, or letters as in llama.cpp"),
  seed: z.int({ error: SEED_ERROR }).nullish().describe("A negative value selects a random seed"),
  logit_bias: logitBias.nullish()
    .describe("Token ids mapped to a value added to the logit; false bans the token"),
};

/** Sampling during reasoning; convert it with {@linkcode toSampling}. */
export const reasoningSampling = z.strictObject(samplingFields, {
  error: "must be an object of sampling fields",
});

const STOP_ERROR = `must be a non-empty string or a list of at most ${LIST_LIMIT} of them`;
const stopText = z.string().min(1, { error: STOP_ERROR });

/** Fields of stop conditions; convert them with {@linkcode toStopConditions}. */
export const stopFields = {
  stop: z.union([stopText, z.array(stopText).max(LIST_LIMIT)], { error: STOP_ERROR })
    .nullish().describe(
      "Stop strings: the answer ends before the first of them. They do not apply inside the reasoning",
    ),
  ignore_eos: z.boolean({ error: "must be true or false" }).nullish()
    .describe("Continue after end-of-generation tokens"),
};

const DETACH_ERROR = "must be true, false, or a name of 1 to 64 letters, digits, '.', '_' and '-'";

/** Field of requests whose answers may go on without their client. */
export const detachField = z.union([
  z.boolean(),
  z.string().regex(/^[\w.-]{1,64}$/, { error: DETACH_ERROR }),
], {
  error: DETACH_ERROR,
}).nullish()
  .describe(
    "Go on with a streamed answer when the client leaves; the stream can be taken up again, " +
      "by its id or by the name that is given here",
  );

const LORA_ERROR = "must be a list of {name, scale} with a scale from -10 to 10";

const loraChoice = z.strictObject({
  name: z.string({ error: LORA_ERROR }).min(1, { error: LORA_ERROR }),
  scale: z.number({ error: LORA_ERROR }).min(-10, { error: LORA_ERROR })
    .max(10, { error: LORA_ERROR }).optional(),
}, { error: LORA_ERROR });

const SESSION_ERROR = "must be 1 to 128 characters of text";

/** Fields of scheduling, adapters and reasoning; convert them with {@linkcode toRun}. */
export const runFields = {
  priority: integerBetween(-10, 10).nullish()
    .describe("Waiting requests with a higher priority start first. Default 0"),
  session: z.string({ error: SESSION_ERROR }).min(1, { error: SESSION_ERROR })
    .max(128, { error: SESSION_ERROR }).nullish()
    .describe("Name under which the KV cache state is saved, also across restarts"),
  lora: z.array(loraChoice, { error: LORA_ERROR }).max(8, { error: "at most 8 adapters" }).nullish()
    .describe(
      "Adapters of this request, in place of the adapters that apply by default; [] applies none. An " +
        "adapter that is not loaded is loaded",
    ),
  reasoning_budget: integerFrom(0).nullish()
    .describe("Maximum reasoning tokens; then the answer begins"),
  reasoning_sampling: reasoningSampling.nullish()
    .describe("Override sampling during reasoning"),
};

const samplingSchema = z.object(samplingFields);
const endingSchema = z.object(stopFields);
const runSchema = z.object(runFields);

type SamplingBody = z.output<typeof samplingSchema>;
type EndingBody = z.output<typeof endingSchema>;
type RunBody = z.output<typeof runSchema>;

/** Fields whose value is passed to the engine unchanged. */
const UNCHANGED: readonly (readonly [
  Exclude<keyof SamplingBody, "seed" | "logit_bias" | "top_k" | "samplers" | "min_keep">,
  Exclude<keyof Sampling, "seed" | "logitBias" | "topK" | "samplers" | "minKeep">,
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
  ["adaptive_target", "adaptiveTarget"],
  ["adaptive_decay", "adaptiveDecay"],
];

/**
 * Seeds of libllama have 32 bits, and the highest means "random" (`LLAMA_DEFAULT_SEED` in llama.h), so
 * larger seeds are reduced modulo this value.
 */
const SEED_RANGE = 0xffff_ffff;

/** The sampling parameters that a request sets. */
export function toSampling(body: SamplingBody): Partial<Sampling> {
  const sampling: Record<string, unknown> = {};
  for (const [field, key] of UNCHANGED) {
    const value = body[field];
    if (value !== undefined && value !== null) sampling[key] = value;
  }
  if (typeof body.top_k === "number") sampling.topK = Math.max(0, body.top_k);
  if (typeof body.min_keep === "number") sampling.minKeep = Math.max(1, body.min_keep);
  if (isGiven(body.samplers)) sampling.samplers = namesOf(body.samplers);
  if (typeof body.seed === "number") {
    // The sum turns -0 into 0.
    sampling.seed = body.seed < 0 ? null : body.seed % SEED_RANGE + 0;
  }
  if (body.logit_bias) {
    sampling.logitBias = Object.entries(body.logit_bias).map(([token, bias]) => ({
      token: Number(token),
      bias: bias === false ? -Infinity : bias,
    }));
  }
  return sampling as Partial<Sampling>;
}

/** The stop conditions of an `AnswerRequest`. */
export function toStopConditions(
  body: EndingBody,
): { stop: readonly string[]; ignoreEos: boolean } {
  const stop = body.stop ?? [];
  return { stop: typeof stop === "string" ? [stop] : stop, ignoreEos: body.ignore_eos ?? false };
}

/** Scheduling, adapters and reasoning of an `AnswerRequest`. */
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

/** Whether a field is set; `null` counts as absent. */
export function isGiven<T>(value: T | null | undefined): value is T {
  return value !== null && value !== undefined;
}
