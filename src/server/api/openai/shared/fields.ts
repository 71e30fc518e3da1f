import * as z from "zod";
import type { AnswerRequest } from "../../../../chat/mod.ts";
import {
  ignored,
  integerFrom,
  isGiven,
  runFields,
  samplingFields,
  stopFields,
} from "../../../schemas/mod.ts";

/** A field that is known and not supported: any value except `null` is rejected with the reason. */
export function rejected(reason: string) {
  return z.null({ error: reason }).optional();
}

const MUST_BE_TEXT = "must be text";
const MUST_BE_BOOLEAN = "must be true or false";

export const text = z.string({ error: MUST_BE_TEXT });
export const boolean = z.boolean({ error: MUST_BE_BOOLEAN });
/** A JSON object that is validated elsewhere, such as a JSON Schema. */
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

/** A field that OpenAI's clients add to messages before they send them back. */
export const sentBack = z.unknown().optional()
  .describe("Accepted; clients add it to messages that they send back");

/** Annotations of an earlier answer. */
export const annotations = ignored(
  z.array(z.unknown()).max(0, { error: "annotations are not supported" }),
  "only the text is used",
);

/**
 * A breakpoint of the prompt cache. The server caches every prefix, so a breakpoint changes nothing; a
 * lifetime cannot be guaranteed.
 */
export const cacheBreakpoint = ignored(
  z.strictObject({
    mode: z.literal("explicit"),
    ttl: rejected("a lifetime of the prompt cache cannot be guaranteed"),
  }),
  "every prefix is cached anyway",
);

/** A field that identifies a user. */
export const aboutUser = ignored(text, "no user data is stored");

/**
 * Fields of chat completions and responses that identify the user or configure OpenAI's service. Values
 * that describe what this server does are accepted; others are rejected.
 */
export const serviceFields = {
  user: aboutUser,
  safety_identifier: aboutUser,
  metadata: metadata.nullish().describe("Repeated in the response"),
  service_tier: ignored(
    z.enum(["auto", "default"], { error: "must be auto or default: there are no other tiers" }),
    "there is one tier",
  ),
  prompt_cache_key: ignored(text, "requests share prefixes regardless of the key"),
  prompt_cache_retention: ignored(
    z.enum(["in_memory", "24h"], { error: "must be in_memory or 24h" }),
    "prefixes are cached while memory lasts",
  ),
  prompt_cache_options: ignored(
    z.strictObject({
      mode: z.literal("implicit", { error: "must be implicit: every prefix is cached" }).nullish(),
      ttl: rejected("a lifetime of the prompt cache cannot be guaranteed"),
      prewarm: z.literal(false, { error: "prewarming is not supported" }).nullish(),
      comparison_response_id: rejected("cache diagnostics are not supported"),
    }),
    "every prefix is cached while memory lasts",
  ),
  moderation: rejected("moderation is not supported"),
};

/** `verbosity`, which no chat template supports. */
export const verbosity = ignored(
  z.literal("medium", {
    error: "must be medium: other verbosities are not supported; ask for them in the prompt",
  }),
  "no chat template supports it; ask for it in the prompt",
);

export const obfuscation = ignored(
  z.literal(false, { error: "obfuscation is not supported" }),
  "streams are not obfuscated",
);

/** `stream_options` of chat completions and completions. */
export const streamOptions = z.strictObject({
  include_usage: boolean.nullish().describe("Send the usage in a last chunk without choices"),
  continuous_usage_stats: boolean.nullish()
    .describe("With include_usage: each chunk reports the tokens of its choice so far"),
  include_obfuscation: obfuscation,
}).nullish();

/** Fields of all generating routes beside OpenAI's fields. */
export const generationFields = {
  ...samplingFields,
  ...stopFields,
  ...runFields,
  grammar: text.min(1, { error: "must not be empty" }).nullish()
    .describe("GBNF grammar with the start symbol root"),
};

/** Fields of llama-server about the prompt cache, slots and progress. */
export const llamaServerFields = {
  cache_prompt: boolean.nullish()
    .describe("Reuse prompt tokens from the prefix cache. Default true"),
  id_slot: integerFrom(-1).nullish()
    .describe("Slot that computes the answer; -1, the default: any"),
  return_progress: boolean.nullish()
    .describe("A stream reports the progress of the prompt in prompt_progress"),
  timings_per_token: boolean.nullish().describe("Chunks of a stream report timings"),
};

const llamaServerSchema = z.object(llamaServerFields);

/** Converts {@linkcode llamaServerFields}. */
export function toLlamaServerOptions(
  { cache_prompt, id_slot, return_progress, timings_per_token, stream }:
    & z.output<typeof llamaServerSchema>
    & { readonly stream?: boolean | null | undefined },
): Pick<AnswerRequest, "cachePrompt" | "slot" | "reportsProgress" | "reportsTimings"> {
  return {
    ...(isGiven(cache_prompt) ? { cachePrompt: cache_prompt } : {}),
    ...(isGiven(id_slot) && id_slot >= 0 ? { slot: id_slot } : {}),
    ...(stream && return_progress ? { reportsProgress: true } : {}),
    ...(stream && timings_per_token ? { reportsTimings: true } : {}),
  };
}

export const templateArguments = jsonObject.nullish()
  .describe("Variables of the chat template, such as enable_thinking");

export const maxTokens = z.int({ error: "must be a whole number, 1 or more" })
  .min(1, { error: "must be a whole number, 1 or more" }).nullish();

/** Maximum choices of a request; each is a sequence. */
export const CHOICES_LIMIT = 128;

export const choiceCount = z.int({ error: `must be a whole number from 1 to ${CHOICES_LIMIT}` })
  .min(1, { error: `must be a whole number from 1 to ${CHOICES_LIMIT}` })
  .max(CHOICES_LIMIT, { error: `must be a whole number from 1 to ${CHOICES_LIMIT}` })
  .nullish();

/** Number of alternatives per token, with OpenAI's limit. */
export const topLogprobs = z.int({ error: "must be a whole number from 0 to 20" })
  .min(0, { error: "must be a whole number from 0 to 20" })
  .max(20, { error: "must be a whole number from 0 to 20" }).nullish();
