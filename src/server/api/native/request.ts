import type { AnswerRequest, Format, Input, Message } from "../../../chat/mod.ts";
import { ShimmyError } from "../../../errors.ts";
import { isGiven, textWithMedia, toRun, toSampling, toStopConditions } from "../../schemas/mod.ts";
import type { GenerateBody } from "./schema.ts";

/** What a response consists of: one object, a stream of texts, or a stream with a frame for each token. */
export type RequestForm = "object" | "text" | "frames";

/**
 * Converts a native request for the engine.
 * @throws {ShimmyError} `invalid` when fields contradict each other or the prompt is missing.
 */
export function toAnswerRequest(body: GenerateBody, form: RequestForm): AnswerRequest {
  if (isGiven(body.alternatives) && form !== "frames") {
    throw invalid("alternatives", "requires a stream with the format json or ndjson");
  }
  return {
    input: toInput(body),
    maxTokens: body.max_tokens ?? null,
    sampling: toSampling(body),
    ...toStopConditions(body),
    ...toRun(body),
    format: toFormat(body),
    logprobs: body.alternatives ?? null,
    ...(form === "object" ? {} : { placesTokens: true }),
    ...(isGiven(body.begin) ? { begun: body.begin } : {}),
  };
}

function toInput(body: GenerateBody): Input {
  const { messages, system, prompt } = body;
  for (const field of ["images", "audio"] as const) {
    if (body[field] && (messages || body.raw)) {
      throw invalid(field, `needs prompt without raw; messages have ${field} of their own`);
    }
  }
  const continueLast = body.continue_last === true;
  if (continueLast && messages?.at(-1)?.role !== "assistant") {
    throw invalid("continue_last", "needs messages of which the last one is of the assistant");
  }
  if (body.raw) {
    if (messages) {
      throw invalid("raw", "cannot be used with messages, which need the chat template");
    }
    if (system) throw invalid("raw", "cannot be used with system, which needs the chat template");
    for (const field of ["reasoning_budget", "reasoning_sampling"] as const) {
      if (isGiven(body[field])) {
        throw invalid(
          field,
          "cannot be used with raw: without a template, reasoning is not detected",
        );
      }
    }
    return { type: "text", text: required(prompt) };
  }
  return {
    type: "chat",
    messages: [
      ...(system ? [{ role: "system", content: system } as const] : []),
      ...(messages ? conversation(messages, system) : [user(required(prompt), body)]),
    ],
    tools: [],
    toolChoice: { type: "none" },
    parallelToolCalls: false,
    templateArguments: {},
    continueLast,
  };
}

function user(text: string, media: Pick<GenerateBody, "images" | "audio">): Message {
  return { role: "user", ...textWithMedia(text, media) };
}

function conversation(
  messages: NonNullable<GenerateBody["messages"]>,
  system: string | null | undefined,
): Message[] {
  if (system && messages[0]?.role === "system") {
    throw invalid("system", "cannot be used when messages begin with a system message");
  }
  return messages.map(({ role, content, images, audio, name }, index) => ({
    role,
    ...textWithMedia(content, { images, audio }, `messages[${index}].`),
    ...(name === undefined ? {} : { name }),
  }));
}

function required(prompt: string | null | undefined): string {
  if (typeof prompt === "string") return prompt;
  throw invalid("prompt", "is required when there are no messages");
}

function toFormat({ json_schema: schema, grammar }: GenerateBody): Format {
  if (schema !== undefined && schema !== null) {
    if (grammar) throw invalid("grammar", "cannot be used with json_schema: choose one");
    return { type: "json_schema", schema };
  }
  return grammar ? { type: "grammar", source: grammar } : { type: "text" };
}

function invalid(field: string, what: string): ShimmyError {
  return new ShimmyError("invalid", `${field}: ${what}`, { field });
}
