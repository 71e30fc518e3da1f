import * as z from "zod";
import {
  ignored,
  integerBetween,
  integerFrom,
  runFields,
  samplingFields,
  stopFields,
  unsupported,
} from "../../../schemas/mod.ts";

export const text = z.string({ error: "must be text" });
export const flag = z.boolean({ error: "must be true or false" });

const PROMPT_ERROR =
  "must be text, a list of token ids and texts, an object with prompt_string, or a list of these";

const tokenId = z.int({ error: PROMPT_ERROR }).min(0, { error: PROMPT_ERROR });

/** A text, or a list of token ids and texts: one prompt. */
export const mixedPrompt = z.union([text, z.array(z.union([tokenId, z.string()]))], {
  error: PROMPT_ERROR,
});

const promptObject = z.strictObject({
  prompt_string: text,
  multimodal_data: z.array(z.unknown()).max(0, {
    error: "is not supported: send images in messages of /v1/chat/completions",
  }).nullish(),
});

/** Maximum prompts of a request; each is a sequence. */
export const PROMPTS_LIMIT = 128;

const singlePrompt = z.union([mixedPrompt, promptObject], { error: PROMPT_ERROR });

/** `prompt`: one prompt in any form, or a list of them. */
export const prompt = z.union([singlePrompt, z.array(singlePrompt).min(1)], {
  error: PROMPT_ERROR,
});

export type SinglePrompt = z.output<typeof singlePrompt>;

const BIAS_ERROR = "must be pairs of a token id or text and a number, or false to ban it";
const bias = z.union([z.number(), z.literal(false)], { error: BIAS_ERROR });

/** `logit_bias`: pairs, or an object. A text stands for all its tokens. */
const logitBias = z.union([
  z.array(z.tuple([z.union([z.int().min(0), z.string()]), bias], { error: BIAS_ERROR })),
  z.record(z.string(), bias),
], { error: BIAS_ERROR });

const LORA_ERROR = "must be a list of {id, scale}";

/** `lora`: adapters by their index in `GET /lora-adapters`. */
export const loraScales = z.array(
  z.strictObject({
    id: z.int({ error: LORA_ERROR }).min(0, { error: LORA_ERROR }),
    scale: z.number({ error: LORA_ERROR }).min(-10).max(10),
  }),
  { error: LORA_ERROR },
);

const schemaValue = z.union([z.record(z.string(), z.unknown()), z.boolean()], {
  error: "must be a JSON Schema",
});

const tokenCount = integerFrom(-1).nullish();

/** Maximum alternatives beside each token: ranking a whole vocabulary would hold the model for seconds. */
const MAX_ALTERNATIVES = 128;

const { lora: _lora, ...runFieldsWithoutLora } = runFields;

/** The fields of completions except the prompt. */
export const completionFields = {
  model: text.nullish().describe("Default: the default model"),
  n_predict: tokenCount.describe("Maximum tokens to generate; -1: until the context is full"),
  max_tokens: tokenCount.describe("As n_predict"),
  max_completion_tokens: tokenCount.describe("As n_predict"),
  n_cmpl: integerFrom(1).max(PROMPTS_LIMIT).nullish().describe("Completions of each prompt"),
  n: integerFrom(1).max(PROMPTS_LIMIT).nullish().describe("As n_cmpl"),
  stream: flag.nullish(),
  ...samplingFields,
  logit_bias: logitBias.nullish(),
  ...stopFields,
  stop: z.union([z.string(), z.array(z.string()).max(128)], {
    error: "must be text or a list of at most 128 texts",
  }).nullish().describe("Stop strings: the answer ends before the first of them"),
  ...runFieldsWithoutLora,
  reasoning_budget: unsupported("completions have no reasoning"),
  reasoning_sampling: unsupported("completions have no reasoning"),
  lora: loraScales.nullish()
    .describe("Scales of adapters by id for this request; other adapters are not used"),
  grammar: z.string().nullish().describe("GBNF grammar with the start symbol root"),
  json_schema: schemaValue.nullish().describe("Constrain the answer to JSON of this schema"),
  n_probs: integerBetween(0, MAX_ALTERNATIVES).nullish()
    .describe("Alternatives to report beside each token; 0, the default: none"),
  logprobs: integerBetween(0, MAX_ALTERNATIVES).nullish().describe("As n_probs"),
  post_sampling_probs: flag.nullish()
    .describe("Report probabilities after the samplers instead of log probabilities"),
  return_tokens: flag.nullish().describe("Return the ids of the generated tokens"),
  return_progress: flag.nullish().describe("A stream reports the progress of the prompt"),
  timings_per_token: flag.nullish().describe("Chunks of a stream report timings"),
  cache_prompt: flag.nullish().describe("Reuse prompt tokens from the cache. Default true"),
  id_slot: integerFrom(-1).nullish().describe("Slot that computes the answer; -1: any"),
  n_indent: integerFrom(0).nullish()
    .describe("The answer ends before a line with a smaller indentation"),
  t_max_predict_ms: integerFrom(-1).nullish().describe(
    "Milliseconds of generation after which the answer ends, if it has a line break",
  ),
  response_fields: z.array(z.string(), { error: "must be a list of texts" }).nullish()
    .describe("Fields of the response to return; a slash separates the names of nested fields"),
  n_keep: ignored(integerFrom(-1), "only the first token is kept when the context is shifted"),
  n_discard: ignored(integerFrom(0), "half of the context is discarded when it is shifted"),
  n_cache_reuse: ignored(integerFrom(0), "chunks after a changed token are computed again"),
  t_max_prompt_ms: ignored(integerFrom(-1), "llama-server ignores it too"),
  sse_ping_interval: ignored(integerFrom(-1), "the interval is fixed"),
  backend_sampling: ignored(flag, "tokens are sampled on the CPU"),
  verbose: ignored(flag, "no debug information is returned"),
} as const;

const completionSchema = z.object({ ...completionFields });

/** The fields of completions except the prompt. */
export type CompletionFields = z.output<typeof completionSchema>;
