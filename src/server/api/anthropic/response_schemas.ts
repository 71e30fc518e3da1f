import * as z from "zod";
import { SEARCH_NAMES } from "./tools.ts";

const contentBlock = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("text"), text: z.string() }),
  z.strictObject({
    type: z.literal("thinking"),
    thinking: z.string(),
    signature: z.string().describe("Opaque; send it back with the block"),
  }),
  z.strictObject({
    type: z.literal("tool_use"),
    id: z.string(),
    name: z.string(),
    input: z.record(z.string(), z.unknown()),
    caller: z.strictObject({ type: z.literal("direct") }),
  }),
  z.strictObject({
    type: z.literal("server_tool_use"),
    id: z.string(),
    name: z.enum(SEARCH_NAMES),
    input: z.record(z.string(), z.unknown()),
    caller: z.strictObject({ type: z.literal("direct") }),
  }).describe("A tool search that the server ran"),
  z.strictObject({
    type: z.literal("tool_search_tool_result"),
    tool_use_id: z.string(),
    content: z.discriminatedUnion("type", [
      z.strictObject({
        type: z.literal("tool_search_tool_search_result"),
        tool_references: z.array(z.strictObject({
          type: z.literal("tool_reference"),
          tool_name: z.string(),
        })),
      }),
      z.strictObject({
        type: z.literal("tool_search_tool_result_error"),
        error_code: z.literal("invalid_tool_input"),
        error_message: z.string(),
      }),
    ]),
  }),
]);

const stopReason = z.enum([
  "end_turn",
  "max_tokens",
  "stop_sequence",
  "tool_use",
  "model_context_window_exceeded",
]);

const usage = z.strictObject({
  input_tokens: z.int().describe("Prompt tokens that were not cached"),
  output_tokens: z.int(),
  cache_creation_input_tokens: z.literal(0),
  cache_read_input_tokens: z.int().describe("Prompt tokens that were cached"),
  output_tokens_details: z.null(),
  server_tool_use: z.null(),
  cache_creation: z.null(),
  inference_geo: z.null(),
  service_tier: z.literal("standard"),
  speed: z.literal("standard"),
});

/** The response of `POST /v1/messages`. */
export const messageAnswer = z.strictObject({
  id: z.string(),
  type: z.literal("message"),
  role: z.literal("assistant"),
  model: z.string(),
  content: z.array(contentBlock),
  stop_reason: stopReason.nullable().describe("Null only in message_start"),
  stop_sequence: z.string().nullable(),
  stop_details: z.null(),
  container: z.null(),
  usage,
  notices: z.array(z.string()).optional()
    .describe("Parts of the request that had no effect"),
});

/** The response of `POST /v1/messages/count_tokens`. */
export const countAnswer = z.strictObject({ input_tokens: z.int() });

export type ContentBlock = z.output<typeof contentBlock>;
export type StopReason = z.output<typeof stopReason>;
export type MessageAnswer = z.output<typeof messageAnswer>;
export type CountAnswer = z.output<typeof countAnswer>;
