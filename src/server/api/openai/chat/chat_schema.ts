import * as z from "zod";
import type { AnswerRequest } from "../../../../chat/mod.ts";
import { ShimmyError } from "../../../../errors.ts";
import { detachField, ignored, toRun, toSampling, toStopConditions } from "../../../schemas/mod.ts";
import {
  boolean,
  choiceCount,
  generationFields,
  llamaServerFields,
  maxTokens,
  rejected,
  serviceFields,
  streamOptions,
  templateArguments,
  text,
  toLlamaServerOptions,
  topLogprobs,
  verbosity,
} from "../shared/fields.ts";
import { formatFields, toFormat } from "../shared/format.ts";
import { chatMessage, toMessages } from "../shared/messages.ts";
import { effortArguments, reasoningEffort } from "../shared/reasoning.ts";
import { chatToolChoice, chatTools, toRequestedChoice, toTools } from "../shared/tools.ts";

/** Fields of the prompt, which token counts need. */
export const chatPromptFields = {
  model: text.nullish().describe("Default: the default model"),
  messages: z.array(chatMessage, { error: "must be a list of messages" })
    .min(1, { error: "must have at least one message" }),
  tools: chatTools.nullish(),
  tool_choice: chatToolChoice.nullish(),
  parallel_tool_calls: boolean.nullish(),
  reasoning_effort: reasoningEffort.nullish(),
  chat_template_kwargs: templateArguments,
  continue_final_message: boolean.nullish().describe(
    "Continue the last assistant message. Default true when the last message is one without tool " +
      "calls and add_generation_prompt is absent",
  ),
  add_generation_prompt: boolean.nullish()
    .describe("Begin a new assistant message. Default: unless the last message is continued"),
};

/** The body of `POST /v1/chat/completions`: all fields of OpenAI's API and extensions. */
export const chatBody = z.strictObject({
  ...chatPromptFields,
  ...serviceFields,
  ...generationFields,
  n: choiceCount,
  max_tokens: maxTokens.describe("Deprecated by OpenAI; alias of max_completion_tokens"),
  max_completion_tokens: maxTokens.describe("Maximum tokens to generate, including reasoning"),
  max_output_tokens: rejected("is a field of /v1/responses; use max_completion_tokens"),
  ...formatFields,
  ...llamaServerFields,
  logprobs: boolean.nullish(),
  top_logprobs: topLogprobs,
  prompt_logprobs: topLogprobs.describe("Alternatives to report beside each token of the prompt"),
  stream: boolean.nullish(),
  detach: detachField,
  verbose: boolean.nullish().describe("Return the prompt in __verbose, as llama-server does"),
  stream_options: streamOptions,
  verbosity,
  store: ignored(
    z.literal(false, { error: "chat completions are not stored; responses are (/v1/responses)" }),
    "chat completions are not stored",
  ),
  modalities: z.array(z.literal("text", { error: "only text is supported" })).nullish()
    .describe("Accepted; answers are text"),
  audio: rejected("answers have no audio"),
  prediction: ignored(
    rejected("predicted outputs are not supported"),
    "the answer is the same without a prediction",
  ),
  web_search_options: rejected("web search is not supported"),
  functions: rejected("is deprecated and not supported; use tools"),
  function_call: rejected("is deprecated and not supported; use tool_choice"),
});

export type ChatBody = z.output<typeof chatBody>;

const promptSchema = z.object(chatPromptFields);

function invalid(field: string, message: string): ShimmyError {
  return new ShimmyError("invalid", `${field}: ${message}`, { field });
}

/**
 * Whether the answer continues the last message, as in vLLM; without vLLM's fields, a last assistant
 * message is continued, as in llama-server.
 */
function continuesLast(
  { messages, continue_final_message: continues, add_generation_prompt: begins }: z.output<
    typeof promptSchema
  >,
): boolean {
  const last = messages.at(-1)!;
  if (continues) {
    if (begins) {
      throw invalid("continue_final_message", "cannot be combined with add_generation_prompt");
    }
    if (last.role !== "assistant") {
      throw invalid("continue_final_message", "the last message must be of the assistant");
    }
    return true;
  }
  if (typeof continues === "boolean" || typeof begins === "boolean") return false;
  return last.role === "assistant" && !last.tool_calls?.length;
}

/** Converts the conversation of a request for the chat template. */
export function toChatInput(
  body: z.output<typeof promptSchema>,
): Extract<AnswerRequest["input"], { type: "chat" }> {
  const { tools, toolChoice } = toTools(
    (body.tools ?? []).map((tool) => tool.function),
    toRequestedChoice(body.tool_choice),
    (index) => `tools[${index}].function.parameters`,
  );
  return {
    type: "chat",
    messages: toMessages(body.messages),
    tools,
    toolChoice,
    parallelToolCalls: body.parallel_tool_calls ?? true,
    templateArguments: { ...effortArguments(body.reasoning_effort), ...body.chat_template_kwargs },
    continueLast: continuesLast(body),
    addGenerationPrompt: body.add_generation_prompt ?? true,
  };
}

/**
 * Converts a request for the engine.
 * @throws {ShimmyError} `invalid` when fields contradict each other.
 */
export function toChatRequest(body: ChatBody): AnswerRequest {
  if (body.detach && !body.stream) {
    throw invalid("detach", "can only be set when stream is true");
  }
  if (body.stream_options && !body.stream) {
    throw invalid("stream_options", "can only be set when stream is true");
  }
  if (typeof body.top_logprobs === "number" && body.top_logprobs > 0 && !body.logprobs) {
    throw invalid("top_logprobs", "can only be set when logprobs is true");
  }
  if (typeof body.prompt_logprobs === "number" && body.stream) {
    throw invalid("prompt_logprobs", "cannot be set when stream is true");
  }
  const { max_tokens: tokens, max_completion_tokens: completion } = body;
  if (typeof tokens === "number" && typeof completion === "number" && tokens !== completion) {
    throw invalid("max_tokens", "cannot be combined with max_completion_tokens");
  }
  return {
    input: toChatInput(body),
    maxTokens: completion ?? tokens ?? null,
    sampling: toSampling(body),
    ...toStopConditions(body),
    ...toRun(body),
    format: toFormat(body),
    ...toLlamaServerOptions(body),
    logprobs: body.logprobs ? body.top_logprobs ?? 0 : null,
  };
}
