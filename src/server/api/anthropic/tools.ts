import * as z from "zod";
import { withoutEffect } from "../../schemas/mod.ts";
import { boolean, cacheControl, jsonObject, text } from "./values.ts";

/** Anthropic's rule. */
const TOOL_NAME = /^[a-zA-Z0-9_-]{1,128}$/;

/** A tool that the client runs. */
export const tool = z.strictObject({
  type: z.literal("custom", {
    error: "must be custom: tools defined or run by Anthropic are not supported",
  }).nullish(),
  name: text.regex(TOOL_NAME, { error: "must be 1 to 128 letters, digits, _ or -" }),
  description: text.nullish(),
  input_schema: jsonObject.refine(({ type }) => (type ?? "object") === "object", {
    error: "must be a JSON Schema whose type is object",
  }),
  input_examples: z.array(jsonObject, { error: "must be a list of objects" }).nullish()
    .describe("Added to the schema as examples"),
  strict: boolean.nullish()
    .describe("Refuse a schema that a grammar cannot express in full"),
  cache_control: cacheControl,
  allowed_callers: z.array(
    z.literal("direct", { error: "must be direct: there are no server tools" }),
  ).nullish().describe("Accepted; there are no server tools"),
  defer_loading: boolean.nullish().describe(
    "Leave the tool out of the prompt until a `tool_reference` or `tool_addition` names it",
  ),
  eager_input_streaming: withoutEffect(true, "arguments are always streamed"),
});

/** Names of the searches in blocks; the types of the tools begin with them. */
export const SEARCH_NAMES = ["tool_search_tool_regex", "tool_search_tool_bm25"] as const;

const SEARCHES = [
  "tool_search_tool_regex_20251119",
  "tool_search_tool_regex",
  "tool_search_tool_bm25_20251119",
  "tool_search_tool_bm25",
] as const;

/** A search that Anthropic's servers run. */
const serverSearch = z.strictObject({
  type: z.enum(SEARCHES),
  name: text,
  cache_control: cacheControl,
}).describe(
  "The model may search the tools with `defer_loading`, by a regular expression or words",
);

/** One of `tools`. */
export const anyTool = z.union([tool, serverSearch]);

export type AnyTool = z.output<typeof anyTool>;
export type ClientTool = z.output<typeof tool>;

/** A search of the request. */
export interface ServerSearch {
  readonly name: string;
  readonly type: (typeof SEARCHES)[number];
  readonly kind: "regex" | "bm25";
}

/** The searches among the tools of a request. There is nothing to search without a deferred tool. */
export function serverSearches(tools: readonly AnyTool[]): ServerSearch[] {
  if (!tools.some((tool) => "defer_loading" in tool && tool.defer_loading === true)) return [];
  return tools.flatMap((tool) =>
    "input_schema" in tool
      ? []
      : [{ name: tool.name, type: tool.type, kind: tool.type.includes("regex") ? "regex" : "bm25" }]
  );
}
