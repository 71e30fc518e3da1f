import * as z from "zod";
import {
  integerFrom,
  keepAlive,
  runFields,
  samplingFields,
  stopFields,
} from "../../schemas/mod.ts";

const text = z.string({ error: "must be text" });
const flag = z.boolean({ error: "must be true or false" });

const ROLES = ["system", "developer", "user", "assistant"] as const;

const messageSchema = z.strictObject({
  role: z.enum(ROLES, { error: `must be one of ${ROLES.join(", ")}` }),
  content: text,
  name: text.optional(),
});

const FORMATS = ["text", "json", "ndjson"] as const;

const schemaValue = z.union([z.record(z.string(), z.unknown()), z.boolean()], {
  error: "must be a JSON Schema",
});

/** The body of `POST /api/generate`, and the first frame of `/ws/generate`. */
export const generateSchema = z.strictObject({
  model: text.nullish().describe("Default: the default model"),
  prompt: text.nullish(),
  messages: z.array(messageSchema, { error: "must be a list of messages" })
    .min(1, { error: "must have at least one message" })
    .nullish().describe("Replaces prompt"),
  system: text.nullish().describe("System message before the prompt or the messages"),
  raw: flag.nullish().describe("Send the prompt to the model without the chat template"),
  max_tokens: integerFrom(1).nullish().describe(
    "Maximum tokens to generate. Default: until the context is full",
  ),
  ...samplingFields,
  ...stopFields,
  ...runFields,
  keep_alive: keepAlive,
  stream: flag.nullish().describe("When absent, the Accept header decides"),
  stream_format: z.enum(FORMATS, { error: `must be one of ${FORMATS.join(", ")}` }).nullish()
    .describe("text and json are server-sent events; when absent, the Accept header decides"),
  json_schema: schemaValue.nullish().describe("Constrain the answer to JSON of this schema"),
  grammar: text.min(1, { error: "must not be empty" }).nullish()
    .describe("GBNF grammar with the start symbol root"),
});

export type GenerateBody = z.output<typeof generateSchema>;

const usageSchema = z.object({
  prompt_tokens: z.int(),
  completion_tokens: z.int(),
  total_tokens: z.int(),
  cached_tokens: z.int(),
});

const timingsSchema = z.object({
  queue_ms: z.number(),
  prompt_ms: z.number(),
  first_token_ms: z.number(),
  predicted_ms: z.number(),
  prompt_per_second: z.number(),
  predicted_per_second: z.number(),
  drafted_tokens: z.int().optional().describe(
    "Drafted tokens; absent without speculative decoding",
  ),
  accepted_tokens: z.int().optional().describe("Accepted draft tokens"),
  acceptance_rate: z.number().optional().describe("Accepted share of drafted tokens, 0 to 1"),
});

/** The end of every answer. */
const doneSchema = z.object({
  done: z.literal(true),
  finish_reason: z.enum(["stop", "length", "cancelled"]),
  usage: usageSchema,
  timings: timingsSchema,
  notices: z.array(z.string()).optional()
    .describe("Deviations from the request that do not affect correctness"),
});

/** The response of `POST /api/generate` without streaming. */
export const generateAnswerSchema = z.object({
  response: z.string(),
  reasoning: z.string().optional(),
  model: z.string(),
  created_at: z.iso.datetime(),
  ...doneSchema.shape,
});

const PHASES = ["reasoning", "answer"] as const;

/** A control frame of a WebSocket client during generation. */
export const controlSchema = z.strictObject({
  stop: z.literal(true, { error: "must be true during generation" }).optional(),
  pause: z.literal(true, { error: "must be true" }).optional(),
  resume: z.literal(true, { error: "must be true" }).optional(),
  ...samplingFields,
  phase: z.enum(PHASES, { error: "must be reasoning or answer" }).optional()
    .describe("Phase that the sampling applies to. Default: the current phase and the next"),
});

export type ControlBody = z.output<typeof controlSchema>;
export type Done = z.output<typeof doneSchema>;
export type GenerateAnswer = z.output<typeof generateAnswerSchema>;

/** An event of a stream in the format `json` or `ndjson`. */
export type UnifiedEvent =
  | { readonly token: string; readonly index: number }
  | { readonly reasoning: string; readonly index: number }
  | Done
  | { readonly error: string };
