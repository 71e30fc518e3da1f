import * as z from "zod";
import { ignored, unsupported } from "../../schemas/mod.ts";

export const text = z.string({ error: "must be text" });
const jsonObject = z.record(z.string(), z.unknown(), { error: "must be an object" });

/**
 * A breakpoint of the prompt cache. The server caches every prefix while memory lasts, so a breakpoint
 * changes nothing.
 */
export const cacheControl = ignored(
  z.strictObject({
    type: z.literal("ephemeral", { error: "must be ephemeral" }),
    ttl: z.enum(["5m", "1h"], { error: "must be 5m or 1h" }).nullish(),
  }),
  "every prefix is cached anyway",
);

const textBlock = z.strictObject({
  type: z.literal("text"),
  text,
  cache_control: cacheControl,
  citations: z.array(z.unknown()).max(0, { error: "citations are not supported" }).nullish(),
});

export type TextBlock = z.output<typeof textBlock>;

const thinkingBlock = z.strictObject({
  type: z.literal("thinking"),
  thinking: text,
  signature: text.nullish().describe("Accepted; only the text is used"),
});

const toolUseBlock = z.strictObject({
  type: z.literal("tool_use"),
  id: text,
  name: text,
  input: jsonObject,
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

const toolResultBlock = z.strictObject({
  type: z.literal("tool_result"),
  tool_use_id: text,
  content: textContent.nullish(),
  is_error: z.boolean({ error: "must be true or false" }).nullish(),
  cache_control: cacheControl,
  toolset_name: unsupported("there are no toolsets"),
});

const userBlock = z.discriminatedUnion("type", [textBlock, toolResultBlock], {
  error: unsupportedBlock("text and tool_result"),
});

const assistantBlock = z.discriminatedUnion("type", [textBlock, thinkingBlock, toolUseBlock], {
  error: unsupportedBlock("text, thinking and tool_use"),
});

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
  z.strictObject({ role: z.literal("system"), content: textContent }),
], { error: "must be user, assistant or system" });

export type MessageParam = z.output<typeof messageParam>;
