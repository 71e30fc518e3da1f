import * as z from "zod";
import {
  type ContentPart,
  joinContent,
  type Message,
  type ToolCall,
} from "../../../../chat/mod.ts";
import { ignored, imageOfUrl, soundOfBase64 } from "../../../schemas/mod.ts";
import { annotations, cacheBreakpoint, rejected, sentBack, text } from "./fields.ts";

/** The error for content parts that are not text. */
export function onlyText(issue: { readonly input?: unknown }): string {
  return `${typeOf(issue)} is not supported: only text is`;
}

/** The error for content parts that are neither text nor images nor audio. */
export function onlyTextAndMedia(issue: { readonly input?: unknown }): string {
  return `${typeOf(issue)} is not supported: only text, images and audio are`;
}

function typeOf({ input }: { readonly input?: unknown }): string {
  const type = typeof input === "object" && input !== null && "type" in input ? input.type : input;
  return JSON.stringify(type) ?? "nothing";
}

const textPart = z.strictObject({
  type: z.literal("text"),
  text,
  prompt_cache_breakpoint: cacheBreakpoint,
});
/** Levels of detail, which models of OpenAI have. */
export const imageDetail = ignored(
  z.enum(["auto", "low", "high", "original"]),
  "the projector decides how it reads an image",
);
const imagePart = z.strictObject({
  type: z.literal("image_url"),
  image_url: z.strictObject({
    url: text.describe(
      "A data: URL with a PNG, JPEG, WebP, GIF or BMP image in base64, or a URL that the server may fetch",
    ),
    detail: imageDetail,
  }),
  prompt_cache_breakpoint: cacheBreakpoint,
});
/** A sound, as a part of messages of chat completions and responses. */
export const audioPart = z.strictObject({
  type: z.literal("input_audio"),
  input_audio: z.strictObject({
    data: text.describe("A WAV, MP3 or FLAC file in base64"),
    format: text.nullish().describe("Accepted; the bytes decide"),
  }),
  prompt_cache_breakpoint: cacheBreakpoint,
});
const refusalPart = z.strictObject({ type: z.literal("refusal"), refusal: text });

/** The error for contents that are neither text nor a list. */
export const CONTENT_ERROR = "must be text or a list of text, image and audio parts";
const content = z.union([
  z.string(),
  z.array(
    z.discriminatedUnion("type", [textPart, imagePart, audioPart], { error: onlyTextAndMedia }),
  ),
], { error: CONTENT_ERROR });
const assistantContent = z.union([
  z.string(),
  z.array(z.discriminatedUnion("type", [textPart, refusalPart], { error: onlyText })),
], { error: "must be text or a list of text parts" });

const toolCall = z.strictObject({
  id: text,
  type: z.literal("function", { error: "only function calls are supported" }).optional(),
  function: z.strictObject({
    name: text,
    arguments: text.nullish(),
    parsed_arguments: sentBack,
  }),
  index: ignored(z.number(), "the order of the list applies"),
});

const name = text.nullish();

/** One message of `messages`. */
export const chatMessage = z.discriminatedUnion("role", [
  z.strictObject({ role: z.literal("system"), content, name }),
  z.strictObject({ role: z.literal("developer"), content, name }),
  z.strictObject({ role: z.literal("user"), content, name }),
  z.strictObject({
    role: z.literal("assistant"),
    content: assistantContent.nullish(),
    name,
    reasoning_content: text.nullish().describe("Reasoning of the model before this answer"),
    refusal: text.nullish(),
    tool_calls: z.array(toolCall).nullish(),
    function_call: rejected("is deprecated and not supported; use tool_calls"),
    audio: rejected("answers have no audio"),
    annotations,
    parsed: sentBack,
  }),
  z.strictObject({ role: z.literal("tool"), content, tool_call_id: text, name }),
], { error: "must be system, developer, user, assistant or tool" });

export type ChatMessage = z.output<typeof chatMessage>;

function joined({ role, content }: ChatMessage, index: number): Pick<Message, "content" | "media"> {
  if (!content) return { content: "" };
  if (typeof content === "string") return { content };
  const parts = content.map((part, at) => {
    if (part.type === "text") return part.text;
    if (part.type === "refusal") return part.refusal;
    const field = `messages[${index}].content[${at}]`;
    return part.type === "image_url"
      ? imageOfUrl(part.image_url.url, `${field}.image_url.url`)
      : soundOfBase64(part.input_audio.data, `${field}.input_audio.data`);
  });
  return joinParts(role, parts);
}

/**
 * Joins the parts of a message: by line breaks, as llama-server does, because parts are texts of their own.
 * The parts of an answer continue each other.
 */
export function joinParts(role: string, parts: readonly ContentPart[]) {
  return joinContent(parts, role === "assistant" ? "" : "\n");
}

function toToolCalls(calls: readonly z.output<typeof toolCall>[]): ToolCall[] {
  return calls.map((call) => ({
    id: call.id,
    name: call.function.name,
    arguments: call.function.arguments ?? "",
  }));
}

/** Converts messages for the chat template; a tool message gets the name of the call that it answers. */
export function toMessages(messages: readonly ChatMessage[]): Message[] {
  const callNames = new Map<string, string>();
  return messages.map((message, index): Message => {
    const base = { role: message.role, ...joined(message, index) };
    const named = message.name ? { name: message.name } : {};
    if (message.role === "tool") {
      const called = message.name ?? callNames.get(message.tool_call_id);
      return {
        ...base,
        ...(called === undefined ? {} : { name: called }),
        toolCallId: message.tool_call_id,
      };
    }
    if (message.role !== "assistant") return { ...base, ...named };
    const toolCalls = toToolCalls(message.tool_calls ?? []);
    for (const call of toolCalls) callNames.set(call.id, call.name);
    return {
      ...base,
      ...(base.content === "" && message.refusal ? { content: message.refusal } : {}),
      ...named,
      ...(message.reasoning_content ? { reasoning: message.reasoning_content } : {}),
      ...(toolCalls.length === 0 ? {} : { toolCalls }),
    };
  });
}
