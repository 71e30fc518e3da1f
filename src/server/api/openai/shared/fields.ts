import * as z from "zod";
import { runFields, samplingFields, stopFields } from "../../../schemas/mod.ts";

/** A field that is known and cannot be honoured: anything but `null` is refused with the reason. */
export function rejected(reason: string) {
  return z.null({ error: reason }).optional();
}

const MUST_BE_TEXT = "must be text";
const MUST_BE_BOOLEAN = "must be true or false";

export const text = z.string({ error: MUST_BE_TEXT });
export const boolean = z.boolean({ error: MUST_BE_BOOLEAN });
/** Free-form JSON whose shape is checked elsewhere, such as a JSON Schema. */
export const jsonObject = z.record(z.string(), z.unknown(), { error: "must be an object" });

/** 16 pairs, keys of 64 and values of 512 characters: the limits OpenAI documents for `metadata`. */
export const metadata = z.record(
  z.string().max(64),
  z.string({ error: "values must be text" }).max(512, {
    error: "values must have at most 512 characters",
  }),
  { error: "must map at most 64 characters to text" },
).refine((pairs) => Object.keys(pairs).length <= 16, { error: "must have at most 16 pairs" });

export type Metadata = z.output<typeof metadata>;

/** What OpenAI's own helpers add to answers that callers send back. */
export const sentBack = z.unknown().optional()
  .describe("Accepted; clients add it to answers that they send back");

/**
 * A mark where a prompt cache should hold a prefix. Every prefix is kept here, so a mark is true by
 * itself; a promise for how long cannot be given.
 */
export const cacheBreakpoint = z.strictObject({
  mode: z.literal("explicit"),
  ttl: rejected("a lifetime of the prompt cache cannot be promised"),
}).describe("Accepted; every prefix is cached anyway");

/** What becomes of fields that say who a caller's user is. */
export const ABOUT_USERS = "Accepted; nothing is kept about users";

/**
 * Fields of both chat completions and responses that say who asks and what it is for, or tune OpenAI's
 * own service. Values that mean what this server does anyway are accepted; the others are refused.
 */
export const serviceFields = {
  user: text.nullish().describe(ABOUT_USERS),
  safety_identifier: text.nullish().describe(ABOUT_USERS),
  metadata: metadata.nullish().describe("Given back with the answer"),
  service_tier: z.enum(["auto", "default"], {
    error: "must be auto or default: there are no other tiers",
  }).nullish().describe("Accepted; there is one tier"),
  prompt_cache_key: text.nullish().describe("Accepted; prefixes are shared whatever the key"),
  prompt_cache_retention: z.enum(["in_memory", "24h"], { error: "must be in_memory or 24h" })
    .nullish().describe("Accepted; prefixes are kept in memory, as long as there is room"),
  prompt_cache_options: z.strictObject({
    mode: z.literal("implicit", { error: "must be implicit: every prefix is cached" }).nullish(),
    ttl: rejected("a lifetime of the prompt cache cannot be promised"),
    prewarm: z.literal(false, { error: "prewarming is not supported" }).nullish(),
    comparison_response_id: rejected("cache diagnostics are not supported"),
  }).nullish(),
  moderation: rejected("moderation is not supported"),
};

/** `verbosity`, which no open model's template knows. */
export const verbosity = z.literal("medium", {
  error: "must be medium: other verbosities are not supported; ask for them in the prompt",
}).nullish();

/** `stream_options` of chat completions and completions. */
export const streamOptions = z.strictObject({
  include_usage: boolean.nullish().describe("A last chunk without choices carries the usage"),
  include_obfuscation: z.literal(false, { error: "obfuscation is not supported" }).nullish(),
}).nullish();

/** What every generating route takes beside OpenAI's own fields. */
export const generationFields = {
  ...samplingFields,
  ...stopFields,
  ...runFields,
  grammar: text.min(1, { error: "must not be empty" }).nullish()
    .describe("A GBNF grammar whose start symbol is root"),
};

export const templateArguments = jsonObject.nullish()
  .describe("Variables for the model's chat template, such as enable_thinking");

export const maxTokens = z.int({ error: "must be a whole number, 1 or more" })
  .min(1, { error: "must be a whole number, 1 or more" }).nullish();

/** Choices one request may ask for; each is a sequence of its own. */
export const CHOICES_LIMIT = 128;

export const choiceCount = z.int({ error: `must be a whole number from 1 to ${CHOICES_LIMIT}` })
  .min(1, { error: `must be a whole number from 1 to ${CHOICES_LIMIT}` })
  .max(CHOICES_LIMIT, { error: `must be a whole number from 1 to ${CHOICES_LIMIT}` })
  .nullish();

/** The most alternatives beside a token that OpenAI reports. */
export const topLogprobs = z.int({ error: "must be a whole number from 0 to 20" })
  .min(0, { error: "must be a whole number from 0 to 20" })
  .max(20, { error: "must be a whole number from 0 to 20" }).nullish();
