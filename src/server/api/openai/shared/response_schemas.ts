import * as z from "zod";
import { timingsSchema } from "../../../answers/mod.ts";

const usage = z.object({
  prompt_tokens: z.int(),
  completion_tokens: z.int(),
  total_tokens: z.int(),
  prompt_tokens_details: z.object({
    cached_tokens: z.int().describe("Prompt tokens that were cached"),
    audio_tokens: z.int().optional().describe("Prompt tokens that are sounds; absent without them"),
  }),
});

const timings = timingsSchema.optional().describe("As llama-server reports them");

const notices = z.array(z.string()).optional()
  .describe("Deviations from the request that do not affect correctness");

const token = { token: z.string(), logprob: z.number(), bytes: z.array(z.int()) };
const logprob = z.object({ ...token, top_logprobs: z.array(z.object(token)) });

const promptLogprobs = z.array(
  z.record(
    z.string(),
    z.object({ logprob: z.number(), rank: z.int().optional(), decoded_token: z.string() }),
  ).nullable(),
).optional().describe("For each token of the prompt, log probabilities by token id");

/** The first fields of chat completions and completions. */
const head = {
  id: z.string(),
  created: z.int().describe("Seconds since the epoch"),
  model: z.string(),
  system_fingerprint: z.string().describe(
    "Changes with the model, its adapters and the server version",
  ),
};

/** The response of `POST /v1/chat/completions` without streaming. */
export const chatAnswer = z.object({
  ...head,
  object: z.literal("chat.completion"),
  choices: z.array(z.object({
    index: z.int(),
    message: z.object({
      role: z.literal("assistant"),
      content: z.string().nullable(),
      refusal: z.null(),
      reasoning_content: z.string().optional(),
      tool_calls: z.array(z.object({
        id: z.string(),
        type: z.literal("function"),
        function: z.object({ name: z.string(), arguments: z.string() }),
      })).optional(),
    }),
    logprobs: z.object({
      content: z.array(logprob),
      refusal: z.null(),
      reasoning_content: z.array(logprob).optional().describe("Log probabilities of the reasoning"),
    }).nullable(),
    finish_reason: z.enum(["stop", "length", "tool_calls"]),
  })),
  prompt_logprobs: promptLogprobs,
  usage,
  timings,
  notices,
  service_tier: z.literal("default").optional(),
  metadata: z.record(z.string(), z.string()).optional(),
  __verbose: z.object({ prompt: z.string() }).optional(),
});

/** The response of `POST /v1/completions` without streaming. */
export const completionAnswer = z.object({
  ...head,
  object: z.literal("text_completion"),
  choices: z.array(z.object({
    text: z.string(),
    index: z.int(),
    logprobs: z.object({
      tokens: z.array(z.string()),
      token_logprobs: z.array(z.number().nullable()).describe(
        "Null for the first token of a prompt",
      ),
      top_logprobs: z.array(z.record(z.string(), z.number()).nullable()),
      text_offset: z.array(z.int()),
    }).nullable(),
    prompt_logprobs: promptLogprobs,
    finish_reason: z.enum(["stop", "length"]),
  })),
  usage,
  timings,
  notices,
});

/** A response, complete or in progress; it repeats fields of the request. */
export const responseAnswer = z.looseObject({
  id: z.string(),
  object: z.literal("response"),
  created_at: z.int().describe("Seconds since the epoch"),
  completed_at: z.int().nullable(),
  status: z.enum(["in_progress", "completed", "incomplete", "failed"]),
  model: z.string(),
  output: z.array(z.looseObject({
    type: z.enum([
      "message",
      "function_call",
      "custom_tool_call",
      "local_shell_call",
      "tool_search_call",
      "tool_search_output",
      "reasoning",
    ]),
    id: z.string(),
  })),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
  incomplete_details: z.object({ reason: z.literal("max_output_tokens") }).nullable(),
  usage: z.object({
    input_tokens: z.int(),
    input_tokens_details: z.object({ cached_tokens: z.int() }),
    output_tokens: z.int(),
    output_tokens_details: z.object({ reasoning_tokens: z.int() }),
    total_tokens: z.int(),
  }).nullable(),
  notices,
});

/** The response of `DELETE /v1/responses/:id`. */
export const deletedAnswer = z.object({
  id: z.string(),
  object: z.literal("response"),
  deleted: z.literal(true),
});

/** The response of `GET /v1/responses/:id/input_items`. */
export const itemsAnswer = z.object({
  object: z.literal("list"),
  data: z.array(z.looseObject({ id: z.string(), type: z.string() })),
  first_id: z.string().nullable(),
  last_id: z.string().nullable(),
  has_more: z.boolean(),
});
