import * as z from "zod";
import { CAPABILITIES } from "../../../models/entry/mod.ts";

const nanoseconds = z.int().describe("Nanoseconds");
const time = z.iso.datetime();

const details = z.strictObject({
  parent_model: z.string(),
  format: z.literal("gguf"),
  family: z.string(),
  families: z.array(z.string()),
  parameter_size: z.string(),
  quantization_level: z.string(),
  context_length: z.int().optional(),
  embedding_length: z.int().optional(),
});

const capabilities = z.array(z.enum(CAPABILITIES));

const listed = {
  name: z.string(),
  model: z.string(),
  size: z.int().describe("Bytes"),
  digest: z.string().regex(/^[0-9a-f]{64}$/),
  details,
};

/** The response of `GET /api/version`. */
export const versionAnswer = z.strictObject({
  version: z.string().describe("Version of Ollama whose API the routes follow"),
  shimmy: z.string().describe("Version of Shimmy"),
});

/** The response of `GET /api/status`. */
export const statusAnswer = z.strictObject({
  cloud: z.strictObject({ disabled: z.boolean(), source: z.string() }),
});

/** The response of `GET /api/tags`. */
export const tagsAnswer = z.strictObject({
  models: z.array(z.strictObject({ ...listed, modified_at: time, capabilities })),
});

/** The response of `GET /api/ps`. */
export const psAnswer = z.strictObject({
  models: z.array(z.strictObject({
    ...listed,
    size_vram: z.int().describe("Bytes on devices other than the CPU"),
    context_length: z.int(),
    expires_at: time,
  })),
});

/** The response of `POST /api/show`. */
export const showAnswer = z.strictObject({
  license: z.string().optional(),
  modelfile: z.string(),
  parameters: z.string(),
  template: z.string(),
  system: z.string(),
  details,
  messages: z.array(z.unknown()),
  model_info: z.record(z.string(), z.union([z.string(), z.number()])),
  projector_info: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional()
    .describe("Metadata of the projector of a model that reads images"),
  capabilities,
  modified_at: time,
});

const tokenLogprob = z.strictObject({
  token: z.string(),
  logprob: z.number(),
  bytes: z.array(z.int()),
});

const logprobs = z.array(z.strictObject({
  ...tokenLogprob.shape,
  top_logprobs: z.array(tokenLogprob).optional(),
})).optional();

const call = z.strictObject({
  id: z.string(),
  function: z.strictObject({
    index: z.int(),
    name: z.string(),
    arguments: z.record(z.string(), z.unknown()),
  }),
});

/** Fields of a response and of each line of a stream; the optional ones are in the last line. */
const answerFields = {
  model: z.string(),
  created_at: time,
  logprobs,
  done: z.boolean(),
  _debug_info: z.strictObject({ rendered_template: z.string() }).optional()
    .describe("With _debug_render_only"),
  done_reason: z.enum(["stop", "length", "load", "unload"]).optional(),
  total_duration: nanoseconds.optional(),
  load_duration: nanoseconds.optional(),
  prompt_eval_count: z.int().optional(),
  prompt_eval_duration: nanoseconds.optional(),
  eval_count: z.int().optional(),
  eval_duration: nanoseconds.optional(),
  notices: z.array(z.string()).optional()
    .describe("Parts of the request that had no effect"),
};

/** The response of `POST /api/chat`, or a line of it. */
export const chatAnswer = z.strictObject({
  ...answerFields,
  message: z.strictObject({
    role: z.literal("assistant"),
    content: z.string(),
    thinking: z.string().optional(),
    tool_calls: z.array(call).optional(),
  }),
});

/** The response of `POST /api/generate`, or a line of it. */
export const generateAnswer = z.strictObject({
  ...answerFields,
  response: z.string(),
  context: z.array(z.int()).optional()
    .describe("Tokens of the conversation, for the context of the next request"),
  thinking: z.string().optional(),
});

/** The response of `POST /api/embed`. */
export const embedAnswer = z.strictObject({
  model: z.string(),
  embeddings: z.array(z.array(z.number())),
  total_duration: nanoseconds,
  load_duration: nanoseconds,
  prompt_eval_count: z.int(),
});

/** The response of `POST /api/embeddings`. */
export const embeddingsAnswer = z.strictObject({ embedding: z.array(z.number()) });

/** A line of `POST /api/pull`, or its answer without streaming. */
export const pullAnswer = z.strictObject({
  status: z.string(),
  digest: z.string().optional(),
  total: z.int().optional().describe("Bytes"),
  completed: z.int().optional().describe("Bytes"),
});
