import * as z from "zod";
import {
  detachField,
  integerBetween,
  integerFrom,
  keepAlive,
  runFields,
  samplingFields,
  stopFields,
} from "../../schemas/mod.ts";

const text = z.string({ error: "must be text" });
const flag = z.boolean({ error: "must be true or false" });

const ROLES = ["system", "developer", "user", "assistant"] as const;

const images = z.array(text, { error: "must be a list of images" }).nullish()
  .describe("PNG, JPEG, WebP, GIF or BMP images before the text, in base64 or as URLs");

const audio = z.array(text, { error: "must be a list of sounds" }).nullish()
  .describe("WAV, MP3 or FLAC files before the text, after images, in base64 or as data: URLs");

const messageSchema = z.strictObject({
  role: z.enum(ROLES, { error: `must be one of ${ROLES.join(", ")}` }),
  content: text,
  images,
  audio,
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
  continue_last: flag.nullish()
    .describe("The last message, of the assistant, is the beginning of the answer"),
  images,
  audio,
  system: text.nullish().describe("System message before the prompt or the messages"),
  raw: flag.nullish().describe("Send the prompt to the model without the chat template"),
  max_tokens: integerFrom(1).nullish().describe(
    "Maximum tokens to generate. Default: until the context is full",
  ),
  ...samplingFields,
  ...stopFields,
  ...runFields,
  keep_alive: keepAlive,
  begin: z.array(integerFrom(0), { error: "must be a list of token ids" }).max(65_536, {
    error: "must have at most 65536 token ids",
  }).nullish().describe(
    "Token ids that the answer begins with, such as those of an earlier answer; they count as generated",
  ),
  alternatives: integerBetween(0, 20).nullish().describe(
    "Number of alternatives to report with each token, with log probabilities. Needs the formats json or ndjson",
  ),
  stream: flag.nullish().describe("When absent, the Accept header decides"),
  detach: detachField,
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
  audio_tokens: z.int().optional().describe("Prompt tokens that are sounds; absent without them"),
  audio_seconds: z.number().optional().describe("Length of the sounds; absent without them"),
  discarded_tokens: z.int().optional().describe("Tokens that rewinds dropped; absent without them"),
});

const timingsSchema = z.object({
  queue_ms: z.number(),
  prompt_ms: z.number(),
  media_ms: z.number().optional().describe(
    "Decoding and encoding of images and audio; absent without them",
  ),
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

/** Maximum forks that one control makes. */
const MAX_FORKS = 8;

/** Maximum characters of an inserted text: the thread that computes all answers tokenizes it. */
const MAX_INSERT = 16_384;

const controlFields = {
  stop: z.literal(true, { error: "must be true during generation" }).nullish(),
  pause: z.literal(true, { error: "must be true" }).nullish(),
  resume: z.literal(true, { error: "must be true" }).nullish(),
  ...samplingFields,
  phase: z.enum(PHASES, { error: "must be reasoning or answer" }).nullish()
    .describe("Phase that the sampling applies to. Default: the current phase and the next"),
  rewind: integerFrom(0).nullish().describe("Drop the tokens of the answer from this index on"),
  insert: text.min(1, { error: "must not be empty" }).max(MAX_INSERT, {
    error: `must have at most ${MAX_INSERT} characters`,
  }).nullish()
    .describe("Put this text there, or at the end without rewind. Control tokens are not parsed"),
  token: integerFrom(0).nullish()
    .describe("Put this token there, or at the end without rewind"),
  fork: integerFrom(0).nullish().describe(
    "Start further answers that begin with this number of tokens. The sampling applies to them",
  ),
  n: integerBetween(1, MAX_FORKS).nullish().describe("Number of forks. Default 1"),
  keep: text.nullish().describe("Cancel all answers of the request but the one with this id"),
  json_schema: schemaValue.nullish()
    .describe("Constrain what follows to JSON of this schema"),
  grammar: text.min(1, { error: "must not be empty" }).nullish()
    .describe("Constrain what follows by a GBNF grammar with the start symbol root"),
  unconstrained: z.literal(true, { error: "must be true" }).nullish()
    .describe("Remove the grammar or schema of what follows"),
};

/** The body of `POST /api/generate/:id/control`. */
export const controlBody = z.strictObject(controlFields);

/** A control frame of a WebSocket client during generation. */
export const controlSchema = z.strictObject({
  ...controlFields,
  answer: text.nullish().describe("Id of the answer. Default: the answer of the request"),
});

/** The response of `POST /api/generate/:id/control`. */
export const controlAnswerSchema = z.object({
  id: z.string(),
  tokens: z.int().optional().describe("Tokens of the answer after a change of its tokens"),
  forks: z.array(z.string()).optional().describe("Ids of the forks"),
});

export type ControlBody = z.output<typeof controlBody>;
export type ControlAnswer = z.output<typeof controlAnswerSchema>;
export type Done = z.output<typeof doneSchema>;
export type GenerateAnswer = z.output<typeof generateAnswerSchema>;

/** What an event of a token has beside its text. */
interface TokenFields {
  /** Position of the token in the answer. */
  readonly index: number;
  /** Absent for text at the end that was held back. */
  readonly id?: number;
  readonly logprob?: number;
  readonly alternatives?: readonly {
    readonly id: number;
    readonly token: string;
    readonly logprob: number;
  }[];
  readonly inserted?: true;
}

/** The id of an answer: in all events of a fork, and in the first and the last one of another answer. */
interface OfAnswer {
  readonly answer?: string;
}

/** In streams of the format `text`. */
interface Remains {
  /** The text of the answer before the index. */
  readonly text?: string;
}

/** An event of a stream in the format `json` or `ndjson`. */
export type UnifiedEvent =
  | ({ readonly token: string } & TokenFields & OfAnswer)
  | ({ readonly reasoning: string } & TokenFields & OfAnswer)
  | ({ readonly rewind: number } & Remains & OfAnswer)
  | ({ readonly forked: number; readonly answers: readonly string[] } & Remains & OfAnswer)
  | (Done & OfAnswer)
  | { readonly error: string };
