import * as z from "zod";
import {
  fixed,
  integerBetween,
  integerFrom,
  samplingFields,
  unsupported,
} from "../../schemas/mod.ts";
import { cacheControl, messageParam, text, textContent } from "./blocks.ts";

const boolean = z.boolean({ error: "must be true or false" });
const jsonObject = z.record(z.string(), z.unknown(), { error: "must be an object" });

/** As wide as Anthropic's own rule. */
const TOOL_NAME = /^[a-zA-Z0-9_-]{1,128}$/;

const tool = z.strictObject({
  type: z.literal("custom", {
    error: "must be custom: tools that Anthropic defines or runs are not supported",
  }).nullish(),
  name: text.regex(TOOL_NAME, { error: "must be 1 to 128 letters, digits, _ or -" }),
  description: text.nullish(),
  input_schema: jsonObject.refine(({ type }) => type === "object", {
    error: "must be a JSON Schema whose type is object",
  }),
  input_examples: z.array(jsonObject, { error: "must be a list of objects" }).nullish()
    .describe("Shown to the model as the schema's examples"),
  strict: boolean.nullish().describe("Accepted; arguments always follow the schema"),
  cache_control: cacheControl,
  allowed_callers: z.array(
    z.literal("direct", { error: "must be direct: there are no server tools" }),
  ).nullish().describe("Accepted; there are no server tools"),
  defer_loading: fixed(false, "tool search is not supported"),
  eager_input_streaming: fixed(true, "arguments always stream as they come"),
});

const parallel = boolean.nullish().describe("At most one call in an answer");

const toolChoice = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("auto"), disable_parallel_tool_use: parallel }),
  z.strictObject({ type: z.literal("any"), disable_parallel_tool_use: parallel }),
  z.strictObject({ type: z.literal("tool"), name: text, disable_parallel_tool_use: parallel }),
  z.strictObject({ type: z.literal("none") }),
], { error: "must be auto, any, tool or none" });

const display = z.enum(["summarized", "omitted"], { error: "must be summarized or omitted" })
  .nullish().describe("omitted leaves the thought out of the answer");

/** The least budget Anthropic's API takes. */
const BUDGET_MINIMUM = 1024;

const thinking = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("enabled"),
    budget_tokens: integerFrom(BUDGET_MINIMUM)
      .describe(
        "Given to the chat template as thinking_budget; max_tokens is the limit that binds",
      ),
    display,
    block_binding: unsupported("thinking blocks are bound to nothing"),
  }),
  z.strictObject({
    type: z.literal("adaptive"),
    display,
    block_binding: unsupported("thinking blocks are bound to nothing"),
  }),
  z.strictObject({ type: z.literal("disabled") }),
], { error: "must be enabled, adaptive or disabled" });

const outputFormat = z.strictObject({
  type: z.literal("json_schema", { error: "must be json_schema" }),
  schema: jsonObject,
});

const outputConfig = z.strictObject({
  effort: z.enum(["low", "medium", "high", "xhigh", "max"], {
    error: "must be low, medium, high, xhigh or max",
  }).nullish().describe(
    "Given to templates with levels of reasoning, of which high is the highest",
  ),
  format: outputFormat.nullish(),
  task_budget: unsupported("there are no task budgets"),
});

/** Edits that change nothing are taken; whatever would cut a conversation is not. */
const contextManagement = z.strictObject({
  edits: z.array(
    z.strictObject({
      type: z.literal("clear_thinking_20251015", {
        error: "is not supported: nothing is cut from a conversation",
      }),
      keep: z.union([z.literal("all"), z.strictObject({ type: z.literal("all") })], {
        error: "must be all: nothing is cut from a conversation",
      }),
    }),
    { error: "must be a list of edits" },
  ).nullish(),
});

const SERVICE = "it belongs to Anthropic's own service";

/** Fields of both routes. */
const promptFields = {
  model: text.min(1, { error: "must not be empty" }),
  messages: z.array(messageParam, { error: "must be a list of messages" })
    .min(1, { error: "must have at least one message" }),
  system: textContent.nullish(),
  tools: z.array(tool, { error: "must be a list of tools" }).nullish(),
  tool_choice: toolChoice.nullish(),
  thinking: thinking.nullish()
    .describe("Variables of the chat template; a model that does not think spends no budget"),
  output_config: outputConfig.nullish(),
  output_format: outputFormat.nullish().describe("The older name of output_config.format"),
  cache_control: cacheControl,
  speed: fixed("standard", "there is one speed"),
  mcp_servers: z.array(z.unknown()).max(0, { error: "is not supported: list tools instead" })
    .nullish(),
  context_management: contextManagement.nullish()
    .describe("Accepted; only edits that change nothing are"),
  compaction: unsupported("nothing is cut from a conversation"),
  billing_policy: unsupported(SERVICE),
};

/** The body of `POST /v1/messages/count_tokens`. */
export const countBody = z.strictObject(promptFields);

/** The body of `POST /v1/messages`. */
export const messagesBody = z.strictObject({
  ...promptFields,
  max_tokens: integerFrom(1),
  stream: boolean.nullish(),
  stop_sequences: z.array(text.min(1, { error: "must not be empty" }), {
    error: "must be a list of texts",
  }).max(128, { error: "must have at most 128 entries" }).nullish(),
  temperature: samplingFields.temperature,
  top_k: integerBetween(0, 1_000_000).nullish(),
  top_p: samplingFields.top_p,
  metadata: z.strictObject({ user_id: text.nullish() }).nullish()
    .describe("Accepted; nothing is kept about users"),
  service_tier: z.enum(["auto", "standard_only"], { error: "must be auto or standard_only" })
    .nullish().describe("Accepted; there is one tier"),
  container: unsupported("there are no containers"),
  diagnostics: unsupported(SERVICE),
  inference_geo: unsupported("inference runs where this server runs"),
  fallbacks: unsupported("the model asked for is the one that answers"),
  fallback_credit_token: unsupported(SERVICE),
  thread: unsupported("send the whole conversation in messages"),
  safeguards: unsupported(SERVICE),
});

export type CountBody = z.output<typeof countBody>;
export type MessagesBody = z.output<typeof messagesBody>;
