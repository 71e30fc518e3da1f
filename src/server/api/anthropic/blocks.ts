import * as z from "zod";
import { ignored, unsupported } from "../../schemas/mod.ts";
import { SEARCH_NAMES, tool } from "./tools.ts";
import { cacheControl, jsonObject, text } from "./values.ts";

const textBlock = z.strictObject({
  type: z.literal("text"),
  text,
  cache_control: cacheControl,
  citations: ignored(
    z.array(z.unknown()).max(0, { error: "citations are not supported" }),
    "only the text is used",
  ),
});

const imageBlock = z.strictObject({
  type: z.literal("image"),
  source: z.discriminatedUnion("type", [
    z.strictObject({
      type: z.literal("base64"),
      media_type: text.nullish().describe("Accepted; the bytes decide"),
      data: text.describe("A PNG, JPEG, WebP, GIF or BMP image"),
    }),
    z.strictObject({
      type: z.literal("url"),
      url: text.describe("A data: URL, or one that the server may fetch"),
    }),
  ], { error: "must be base64 or url: there are no uploaded files" }),
  cache_control: cacheControl,
});

export type ImageBlock = z.output<typeof imageBlock>;
export type TextBlock = z.output<typeof textBlock>;

const thinkingBlock = z.strictObject({
  type: z.literal("thinking"),
  thinking: text,
  signature: ignored(text, "only the text is used"),
});

const toolUseBlock = z.strictObject({
  type: z.literal("tool_use"),
  id: text,
  name: text,
  input: jsonObject.nullish(),
  caller: z.strictObject({
    type: z.literal("direct", { error: "must be direct: there are no server tools" }),
  }).nullish().describe("Accepted; there are no server tools"),
  cache_control: cacheControl,
  toolset_name: unsupported("there are no toolsets"),
});

/** The error for blocks that are not text, or that need services of Anthropic. */
function unsupportedBlock(kinds: string) {
  return (issue: { readonly input?: unknown }): string => {
    const { input } = issue;
    const type = typeof input === "object" && input !== null && "type" in input
      ? input.type
      : undefined;
    return typeof type === "string"
      ? `'${type}' blocks are not supported here: only ${kinds}`
      : `must be the type of a block: ${kinds}`;
  };
}

const textBlocks = z.array(
  z.discriminatedUnion("type", [textBlock], { error: unsupportedBlock("text") }),
);

const CONTENT_ERROR = "must be text or a list of content blocks";

/** Text, or text blocks. */
export const textContent = z.union([text, textBlocks], { error: CONTENT_ERROR });

const toolReference = z.strictObject({
  type: z.literal("tool_reference"),
  tool_name: text.describe("Name of a deferred tool, which the model may call from here on"),
  cache_control: cacheControl,
});

const resultContent = z.union([
  text,
  z.array(z.discriminatedUnion("type", [textBlock, imageBlock, toolReference], {
    error: unsupportedBlock("text, image and tool_reference"),
  })),
], { error: CONTENT_ERROR });

export type ResultContent = z.output<typeof resultContent>;

const toolResultBlock = z.strictObject({
  type: z.literal("tool_result"),
  tool_use_id: text,
  content: resultContent.nullish(),
  is_error: z.boolean({ error: "must be true or false" }).nullish(),
  cache_control: cacheControl,
  toolset_name: unsupported("there are no toolsets"),
});

/** A search that a server ran earlier in the conversation. */
const serverToolUseBlock = z.strictObject({
  type: z.literal("server_tool_use"),
  id: text,
  name: z.enum(SEARCH_NAMES, {
    error: "must be a tool search: other tools of Anthropic's servers are not supported",
  }),
  input: jsonObject,
  caller: z.unknown().optional().describe("Accepted; there are no server tools"),
  cache_control: cacheControl,
});

const toolSearchResultBlock = z.strictObject({
  type: z.literal("tool_search_tool_result"),
  tool_use_id: text,
  content: z.union([
    z.strictObject({
      type: z.literal("tool_search_tool_search_result"),
      tool_references: z.array(toolReference),
    }),
    z.looseObject({ type: z.literal("tool_search_tool_result_error"), error_code: text }),
  ], { error: "must be a result of a tool search" }),
  cache_control: cacheControl,
});

const changedTool = z.union([
  z.strictObject({ type: z.literal("tool_reference"), name: text }),
  tool,
], { error: "must be a tool or a reference to one" });

const toolAddition = z.strictObject({
  type: z.literal("tool_addition"),
  tool: changedTool.describe("The model may call this tool from here on"),
  cache_control: cacheControl,
});

const toolRemoval = z.strictObject({
  type: z.literal("tool_removal"),
  tool: changedTool.describe("The tool is no longer offered"),
  cache_control: cacheControl,
});

const systemContent = z.union([
  text,
  z.array(z.discriminatedUnion("type", [textBlock, toolAddition, toolRemoval], {
    error: unsupportedBlock("text, tool_addition and tool_removal"),
  })),
], { error: CONTENT_ERROR });

export type SystemContent = z.output<typeof systemContent>;

const userBlock = z.discriminatedUnion("type", [textBlock, imageBlock, toolResultBlock], {
  error: unsupportedBlock("text, image and tool_result"),
});

const assistantBlock = z.discriminatedUnion("type", [
  textBlock,
  thinkingBlock,
  toolUseBlock,
  serverToolUseBlock,
  toolSearchResultBlock,
], { error: unsupportedBlock("text, thinking and tool_use") });

export type UserBlock = z.output<typeof userBlock>;
export type AssistantBlock = z.output<typeof assistantBlock>;

/** One message of a conversation. */
export const messageParam = z.discriminatedUnion("role", [
  z.strictObject({
    role: z.literal("user"),
    content: z.union([text, z.array(userBlock)], { error: CONTENT_ERROR }),
  }),
  z.strictObject({
    role: z.literal("assistant"),
    content: z.union([text, z.array(assistantBlock)], { error: CONTENT_ERROR }),
  }),
  z.strictObject({ role: z.literal("system"), content: systemContent }),
], { error: "must be user, assistant or system" });

export type MessageParam = z.output<typeof messageParam>;
