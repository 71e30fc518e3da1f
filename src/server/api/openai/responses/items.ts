import * as z from "zod";
import { ignored } from "../../../schemas/mod.ts";
import { annotations, cacheBreakpoint, rejected, sentBack, text } from "../shared/fields.ts";
import { audioPart, CONTENT_ERROR, imageDetail, onlyTextAndMedia } from "../shared/messages.ts";
import { responseTool } from "./tools/mod.ts";

const status = ignored(
  z.enum(["in_progress", "completed", "incomplete"]),
  "clients send back the items of responses",
);
const itemId = text.nullish();

const inputText = z.strictObject({
  type: z.literal("input_text"),
  text,
  prompt_cache_breakpoint: cacheBreakpoint,
});
const outputText = z.strictObject({
  type: z.literal("output_text"),
  text,
  annotations,
  logprobs: ignored(z.array(z.unknown()), "clients send back the items of responses"),
  parsed: sentBack,
});
const inputImage = z.strictObject({
  type: z.literal("input_image"),
  image_url: text.describe(
    "A data: URL with a PNG, JPEG, WebP, GIF or BMP image in base64, or a URL that the server may fetch",
  ),
  file_id: rejected("there are no uploaded files: send the image in image_url"),
  detail: imageDetail,
  prompt_cache_breakpoint: cacheBreakpoint,
});
const refusalPart = z.strictObject({ type: z.literal("refusal"), refusal: text });

const messageContent = z.union([
  z.string(),
  z.array(
    z.discriminatedUnion("type", [inputText, inputImage, audioPart, outputText, refusalPart], {
      error: onlyTextAndMedia,
    }),
  ),
], { error: CONTENT_ERROR });

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
  phase: ignored(z.enum(["commentary", "final_answer"]), "chat templates have no phases"),
});

const functionCall = z.strictObject({
  type: z.literal("function_call"),
  id: itemId,
  call_id: text,
  name: text,
  arguments: text.nullish(),
  status,
  caller: directCaller,
  namespace: text.nullish(),
  parsed_arguments: sentBack,
});

const toolOutput = z.union([
  z.string(),
  z.array(
    z.discriminatedUnion("type", [inputText, inputImage, audioPart], { error: onlyTextAndMedia }),
  ),
], { error: CONTENT_ERROR });

const functionCallOutput = z.strictObject({
  type: z.literal("function_call_output"),
  id: itemId,
  call_id: text,
  output: toolOutput,
  status,
  caller: directCaller,
  name: text.nullish(),
  namespace: text.nullish(),
});

const customToolCall = z.strictObject({
  type: z.literal("custom_tool_call"),
  id: itemId,
  call_id: text,
  name: text,
  namespace: text.nullish(),
  input: text,
  status,
  caller: directCaller,
});

const customToolCallOutput = z.strictObject({
  type: z.literal("custom_tool_call_output"),
  id: itemId,
  call_id: text,
  name: text.nullish(),
  output: toolOutput,
  status,
  caller: directCaller,
});

const localShellCall = z.strictObject({
  type: z.literal("local_shell_call"),
  id: itemId,
  call_id: text,
  action: z.looseObject({ type: z.literal("exec"), command: z.array(text) }),
  status,
});

const localShellCallOutput = z.strictObject({
  type: z.literal("local_shell_call_output"),
  id: itemId,
  call_id: text.nullish().describe("Default: `id`"),
  output: text,
  status,
});

const toolSearchCall = z.strictObject({
  type: z.literal("tool_search_call"),
  id: itemId,
  call_id: text.nullish(),
  execution: text.nullish(),
  arguments: z.unknown(),
  status,
});

const toolSearchOutput = z.strictObject({
  type: z.literal("tool_search_output"),
  id: itemId,
  call_id: text.nullish(),
  execution: text.nullish(),
  status,
  tools: z.array(responseTool, { error: "must be a list of tools" })
    .describe("Offered to the model from here on"),
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

/** One item of a known type. */
const inputItem = z.discriminatedUnion("type", [
  message,
  functionCall,
  functionCallOutput,
  customToolCall,
  customToolCallOutput,
  localShellCall,
  localShellCallOutput,
  toolSearchCall,
  toolSearchOutput,
  reasoning,
  itemReference,
]);

const KNOWN_TYPES: ReadonlySet<string | undefined> = new Set(
  inputItem.options.flatMap(({ shape }) => {
    const { type } = shape;
    return type instanceof z.ZodOptional ? [type.unwrap().value, undefined] : [type.value];
  }),
);

/** An item of a service of OpenAI, or one that is newer than this server. */
const otherItem = z.looseObject({ type: text, id: itemId })
  .refine(({ type }) => !KNOWN_TYPES.has(type), { error: "must be an item" })
  .transform((item) => ({ type: "other" as const, id: item.id, item }))
  .describe("Left out of the prompt, with a notice");

/** One item of `input`. */
export const sentItem = z.union([inputItem, otherItem], {
  error: "must be a message or another item with a type",
});

export type InputItem = z.output<typeof sentItem>;

/** An item of a conversation: any item except references. */
export type ConversationItem = Exclude<InputItem, { type: "item_reference" }>;

/** Prefixes of item ids by type. */
export const ITEM_PREFIX = {
  message: "msg_",
  function_call: "fc_",
  function_call_output: "fco_",
  custom_tool_call: "ctc_",
  custom_tool_call_output: "ctco_",
  local_shell_call: "lsh_",
  local_shell_call_output: "lsho_",
  tool_search_call: "tsc_",
  tool_search_output: "tso_",
  reasoning: "rs_",
  other: "item_",
} as const;
