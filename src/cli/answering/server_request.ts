import { encodeBase64 } from "@std/encoding/base64";
import {
  type AnswerRequest,
  type ContentPart,
  contentParts,
  type Message,
} from "../../chat/mod.ts";
import type { Sampling } from "../../engine/protocol/mod.ts";

/** Sampling parameters of the command line, in the spelling of the HTTP API. */
const FIELDS = {
  temperature: "temperature",
  topP: "top_p",
  topK: "top_k",
  minP: "min_p",
  repeatPenalty: "repeat_penalty",
  seed: "seed",
} as const satisfies Partial<Record<keyof Sampling, string>>;

/** A route of the HTTP API and the body of a request. */
export interface ServerRequest {
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/**
 * The request of the HTTP API for an answer: a chat completion, or a completion for raw text. It carries
 * what the commands set: sampling, limits, stop strings, log probabilities and JSON as the format.
 */
export function toServerRequest(model: string, request: AnswerRequest): ServerRequest {
  const common = {
    model,
    ...samplingFields(request.sampling),
    ...(request.maxTokens === null ? {} : { max_tokens: request.maxTokens }),
    ...(request.stop.length === 0 ? {} : { stop: request.stop }),
    stream: true,
    stream_options: { include_usage: true },
    return_progress: true,
  };
  const { input } = request;
  if (input.type === "text") {
    return { path: "/v1/completions", body: { ...common, prompt: input.text } };
  }
  if (input.type === "tokens") throw new TypeError("Commands send no tokens to a server");
  return {
    path: "/v1/chat/completions",
    body: {
      ...common,
      ...toConversation(input),
      ...(request.logprobs === null ? {} : { logprobs: true, top_logprobs: request.logprobs }),
      ...(request.reasoningBudget === undefined
        ? {}
        : { reasoning_budget: request.reasoningBudget }),
      ...(request.format.type === "json_object"
        ? { response_format: { type: "json_object" } }
        : {}),
    },
  };
}

/** The fields of a conversation, which token counts have too. */
export function toConversation(
  { messages, templateArguments, continueLast }: Extract<AnswerRequest["input"], { type: "chat" }>,
): Readonly<Record<string, unknown>> {
  return {
    messages: messages.map(toMessage),
    chat_template_kwargs: templateArguments,
    ...(continueLast ? { continue_final_message: true, add_generation_prompt: false } : {}),
  };
}

function toMessage(message: Message) {
  const { role, content, reasoning, media } = message;
  return {
    role,
    content: media === undefined ? content : contentParts(message).map(toPart),
    ...(reasoning === undefined ? {} : { reasoning_content: reasoning }),
  };
}

function toPart(part: ContentPart) {
  if (typeof part === "string") return { type: "text", text: part };
  if (part.type === "remote") return { type: "image_url", image_url: { url: part.url } };
  const data = encodeBase64(part.bytes);
  return part.type === "image"
    ? { type: "image_url", image_url: { url: `data:;base64,${data}` } }
    : { type: "input_audio", input_audio: { data } };
}

function samplingFields(sampling: Partial<Sampling>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(FIELDS).flatMap(([key, field]) => {
      const value = sampling[key as keyof typeof FIELDS];
      return value === undefined || value === null ? [] : [[field, value]];
    }),
  );
}
