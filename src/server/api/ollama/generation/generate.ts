import { type Input, type Message, promptTokens } from "../../../../chat/mod.ts";
import type { Engine } from "../../../../engine/mod.ts";
import { ShimmyError } from "../../../../errors.ts";
import type { Exchange } from "../../../http/mod.ts";
import { textWithImages } from "../../../schemas/mod.ts";
import { respond } from "./respond.ts";
import { toMessages } from "./messages.ts";
import { renderTemplate } from "./prompt_template.ts";
import type { AnswerChunk } from "./chunks.ts";
import { parseBody } from "../request/parse_body.ts";
import { type GenerateBody, generateBody } from "../request/schema.ts";
import { thinkArguments } from "../request/think.ts";

/**
 * `POST /api/generate` in Ollama's form.
 *
 * @param body The JSON of the request, which was read to select the dialect of this route.
 */
export async function ollamaGenerate(exchange: Exchange, body: unknown): Promise<Response> {
  const asked = parseBody(exchange, generateBody, body);
  return await respond(exchange, {
    body: asked,
    does: "generate",
    input: toInput(asked),
    shape: toResponse,
    ...(asked.raw ? {} : { finish: (...answer) => toContext(exchange, ...answer) }),
  });
}

function toInput(body: GenerateBody): ((engine: Engine) => Input | Promise<Input>) | null {
  const { prompt, suffix, raw } = body;
  if (suffix) {
    rejectWith("suffix", body);
    return (engine) => toFillInTheMiddle(engine, prompt ?? "", suffix);
  }
  if (body.template) rejectWith("template", body);
  if (body.messages && body.messages.length > 0) return () => toConversation(body);
  if (!prompt) return null;
  if (raw) {
    rejectWith("raw", body);
    return () => ({ type: "text", text: prompt });
  }
  if (body.template) {
    const { template, system } = body;
    const text = renderTemplate(template, { System: system ?? "", Prompt: prompt, Suffix: "" });
    return () => ({ type: "text", text });
  }
  return () => toConversation(body);
}

/** The conversation of `messages`, or of `prompt`, with the system message before it. */
function toConversation(
  { prompt, system, messages: given, think, context, images }: GenerateBody,
): Input {
  const messages: Message[] = given && given.length > 0
    ? toMessages(given)
    : [{ role: "user", ...textWithImages(prompt ?? "", images, "images") }];
  if (system) messages.unshift({ role: "system", content: system });
  return {
    type: "chat",
    messages,
    tools: [],
    toolChoice: { type: "none" },
    parallelToolCalls: false,
    templateArguments: thinkArguments(think),
    continueLast: messages.at(-1)?.role === "assistant",
    ...(context && context.length > 0 ? { prefix: context } : {}),
  };
}

/**
 * The `context` of a response: the tokens of the conversation with the answer. A request that sends it
 * continues the conversation.
 */
async function toContext(
  { context: { preparer } }: Exchange,
  engine: Engine,
  input: Input,
  content: string,
): Promise<{ readonly context?: readonly number[] }> {
  // The tokens of images are numbers that mean nothing to clients.
  if (input.type !== "chat" || input.messages.some(({ media }) => media !== undefined)) return {};
  const last = input.messages.at(-1);
  const messages: readonly Message[] = input.continueLast && last !== undefined
    ? [...input.messages.slice(0, -1), { ...last, content: last.content + content }]
    : [...input.messages, { role: "assistant", content }];
  try {
    const whole = { ...input, messages, continueLast: false, addGenerationPrompt: false };
    return { context: await promptTokens(engine, whole, preparer) };
  } catch {
    // The template refuses the conversation. The answer is complete without a context.
    return {};
  }
}

const CHAT_FIELDS = ["system", "think", "context", "template", "images"] as const;

/** Fields that would have no effect beside another one. */
const REPLACED = {
  raw: CHAT_FIELDS,
  suffix: CHAT_FIELDS,
  template: ["think", "context", "messages", "images"],
} as const;

/** Rejects fields that need the chat template when the template is not used. */
function rejectWith(plain: keyof typeof REPLACED, body: GenerateBody): void {
  const field = REPLACED[plain].find((name) => isSet(body[name]));
  if (field === undefined) return;
  throw new ShimmyError("invalid", `${field}: cannot be combined with ${plain}`, { field });
}

function isSet(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 : Boolean(value);
}

/** The fill-in-the-middle prompt for the text between `prefix` and `suffix`. */
async function toFillInTheMiddle(engine: Engine, prefix: string, suffix: string): Promise<Input> {
  const { fim } = engine.info;
  if (fim === null) {
    const message = "suffix: the model's vocabulary has no fill-in-the-middle tokens";
    throw new ShimmyError("invalid", message, { field: "suffix" });
  }
  const tokens = await engine.tokenize([
    { tokens: [fim.prefix] },
    { text: prefix, special: false },
    { tokens: [fim.suffix] },
    { text: suffix, special: false },
    { tokens: [fim.middle] },
  ], true);
  return { type: "tokens", tokens };
}

function toResponse({ content, thinking, logprobs }: AnswerChunk) {
  return {
    response: content,
    ...(thinking === "" ? {} : { thinking }),
    ...(logprobs.length === 0 ? {} : { logprobs }),
  };
}
