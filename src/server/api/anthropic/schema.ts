import * as z from "zod";
import {
  detachField,
  ignored,
  integerBetween,
  integerFrom,
  samplingFields,
  unsupported,
  withoutEffect,
} from "../../schemas/mod.ts";
import { messageParam, textContent } from "./blocks.ts";
import { anyTool } from "./tools.ts";
import { boolean, cacheControl, jsonObject, text } from "./values.ts";

const parallel = boolean.nullish().describe("At most one call per answer");

const toolChoice = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("auto"), disable_parallel_tool_use: parallel }),
  z.strictObject({ type: z.literal("any"), disable_parallel_tool_use: parallel }),
  z.strictObject({ type: z.literal("tool"), name: text, disable_parallel_tool_use: parallel }),
  z.strictObject({ type: z.literal("none") }),
], { error: "must be auto, any, tool or none" });

const display = z.enum(["summarized", "omitted"], { error: "must be summarized or omitted" })
  .nullish().describe("omitted removes the reasoning text from the answer");

/** A field that is not supported and cannot change the answer. */
function without(reason: string) {
  return ignored(unsupported(reason), reason);
}

const thinking = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("enabled"),
    // Anthropic's API takes 1024 or more. Small models reason less, and llama-server takes any budget.
    budget_tokens: integerFrom(1)
      .describe(
        "Maximum reasoning tokens; also passed to the chat template as thinking_budget",
      ),
    display,
    block_binding: without("thinking blocks have no binding"),
  }),
  z.strictObject({
    type: z.literal("adaptive"),
    display,
    block_binding: without("thinking blocks have no binding"),
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
    "Reasoning level of the chat template; xhigh and max mean high",
  ),
  format: outputFormat.nullish(),
  task_budget: without("there are no task budgets"),
});

/** Accepts edits that change nothing; rejects edits that would shorten the conversation. */
const contextManagement = z.strictObject({
  edits: z.array(
    z.strictObject({
      type: z.literal("clear_thinking_20251015", {
        error: "is not supported: conversations are never shortened",
      }),
      keep: z.union([z.literal("all"), z.strictObject({ type: z.literal("all") })], {
        error: "must be all: conversations are never shortened",
      }),
    }),
    { error: "must be a list of edits" },
  ).nullish(),
});

const SERVICE = "it configures Anthropic's service";

/** Fields of both routes. */
const promptFields = {
  model: text.min(1, { error: "must not be empty" }),
  messages: z.array(messageParam, { error: "must be a list of messages" })
    .min(1, { error: "must have at least one message" }),
  system: textContent.nullish().describe(
    "Blocks that begin with `x-anthropic-billing-header:` are left out: they differ in each request, and " +
      "the prefix cache would not apply",
  ),
  tools: z.array(anyTool, { error: "must be a list of tools" }).nullish(),
  tool_choice: toolChoice.nullish(),
  thinking: thinking.nullish()
    .describe("Controls reasoning through the chat template"),
  output_config: outputConfig.nullish(),
  output_format: outputFormat.nullish().describe("The older name of output_config.format"),
  cache_control: cacheControl,
  speed: withoutEffect("standard", "there is one speed"),
  mcp_servers: z.array(z.unknown()).max(0, { error: "is not supported: list tools instead" })
    .nullish(),
  context_management: contextManagement.nullish()
    .describe("Accepted; edits that would shorten the conversation are refused"),
  compaction: unsupported("conversations are never shortened"),
  billing_policy: without(SERVICE),
};

/** The body of `POST /v1/messages/count_tokens`. */
export const countBody = z.strictObject(promptFields);

/** The body of `POST /v1/messages`. */
export const messagesBody = z.strictObject({
  ...promptFields,
  max_tokens: integerFrom(1),
  stream: boolean.nullish(),
  detach: detachField,
  stop_sequences: z.array(text.min(1, { error: "must not be empty" }), {
    error: "must be a list of texts",
  }).max(128, { error: "must have at most 128 entries" }).nullish(),
  temperature: samplingFields.temperature,
  top_k: integerBetween(0, 1_000_000).nullish(),
  top_p: samplingFields.top_p,
  metadata: ignored(z.strictObject({ user_id: text.nullish() }), "no user data is stored"),
  service_tier: ignored(
    z.enum(["auto", "standard_only"], { error: "must be auto or standard_only" }),
    "there is one tier",
  ),
  container: unsupported("there are no containers"),
  diagnostics: without(SERVICE),
  inference_geo: without("inference runs on this server"),
  fallbacks: without("the requested model always answers"),
  fallback_credit_token: without(SERVICE),
  thread: unsupported("send the whole conversation in messages"),
  safeguards: without(SERVICE),
});

export type CountBody = z.output<typeof countBody>;
export type MessagesBody = z.output<typeof messagesBody>;
