import * as z from "zod";
import { cacheBreakpoint, rejected, sentBack, text } from "../shared/fields.ts";
import { onlyText } from "../shared/messages.ts";

const status = z.enum(["in_progress", "completed", "incomplete"]).nullish()
  .describe("Accepted; has no effect");
const itemId = text.nullish();

const inputText = z.strictObject({
  type: z.literal("input_text"),
  text,
  prompt_cache_breakpoint: cacheBreakpoint.nullish(),
});
const outputText = z.strictObject({
  type: z.literal("output_text"),
  text,
  annotations: z.array(z.unknown()).max(0, { error: "annotations are not supported" }).nullish(),
  logprobs: z.array(z.unknown()).nullish()
    .describe("Accepted; clients send back the items of responses"),
  parsed: sentBack,
});
const refusalPart = z.strictObject({ type: z.literal("refusal"), refusal: text });

const messageContent = z.union([
  z.string(),
  z.array(z.discriminatedUnion("type", [inputText, outputText, refusalPart], { error: onlyText })),
], { error: "must be text or a list of text parts" });

const directCaller = z.strictObject({
  type: z.literal("direct", { error: "only direct calls are supported" }),
}).nullish().describe("Accepted; every call is direct");

const message = z.strictObject({
  type: z.literal("message").optional(),
  id: itemId,
  role: z.enum(["user", "assistant", "system", "developer"], {
    error: "must be user, assistant, system or developer",
  }),
  content: messageContent,
  status,
  phase: z.enum(["commentary", "final_answer"]).nullish()
    .describe("Accepted; chat templates have no phases"),
});

const functionCall = z.strictObject({
  type: z.literal("function_call"),
  id: itemId,
  call_id: text,
  name: text,
  arguments: text,
  status,
  caller: directCaller,
  namespace: rejected("namespaces are not supported"),
  parsed_arguments: sentBack,
});

const functionCallOutput = z.strictObject({
  type: z.literal("function_call_output"),
  id: itemId,
  call_id: text,
  output: z.union([
    z.string(),
    z.array(z.discriminatedUnion("type", [inputText], { error: onlyText })),
  ], { error: "must be text or a list of text parts" }),
  status,
  caller: directCaller,
  name: text.nullish(),
  namespace: rejected("namespaces are not supported"),
});

const reasoning = z.strictObject({
  type: z.literal("reasoning"),
  id: itemId,
  summary: z.array(z.strictObject({ type: z.literal("summary_text"), text })).nullish(),
  content: z.array(z.strictObject({ type: z.literal("reasoning_text"), text })).nullish(),
  encrypted_content: text.nullish(),
  status,
});

const itemReference = z.strictObject({ type: z.literal("item_reference"), id: text });

/** One item of `input`. */
export const inputItem = z.discriminatedUnion("type", [
  message,
  functionCall,
  functionCallOutput,
  reasoning,
  itemReference,
], {
  error: (issue) => {
    const input = issue.input as { type?: unknown } | null | undefined;
    return `${JSON.stringify(input?.type) ?? "nothing"} is not supported: items are messages, ` +
      "function calls and their outputs, reasoning, and references to these";
  },
});

export type InputItem = z.output<typeof inputItem>;

/** An item of a conversation: any item except references. */
export type ConversationItem = Exclude<InputItem, { type: "item_reference" }>;

/** Prefixes of item ids by type. */
export const ITEM_PREFIX = {
  message: "msg_",
  function_call: "fc_",
  function_call_output: "fco_",
  reasoning: "rs_",
} as const;
