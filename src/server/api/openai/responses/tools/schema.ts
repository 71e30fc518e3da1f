import * as z from "zod";
import { boolean, jsonObject, rejected, text } from "../../shared/fields.ts";
import { functionFields, toolName } from "../../shared/tools.ts";

const directCallers = z.array(z.literal("direct", { error: "only direct calls are supported" }))
  .nullish().describe("Accepted; every call is direct");

const deferLoading = boolean.nullish().describe(
  "Leave the tool out of the prompt until a `tool_search_output` item contains it; applies with a " +
    "`tool_search` tool",
);

const functionTool = z.strictObject({
  type: z.literal("function"),
  ...functionFields,
  allowed_callers: directCallers,
  async: z.literal(false, { error: "asynchronous calls are not supported" }).nullish(),
  defer_loading: deferLoading,
  output_schema: rejected("schemas of outputs are not supported"),
});

const FORMAT_ERROR = "must be an object whose type is text or grammar";

const customTool = z.strictObject({
  type: z.literal("custom"),
  name: toolName,
  description: text.nullish(),
  format: z.discriminatedUnion("type", [
    z.strictObject({ type: z.literal("text") }),
    z.strictObject({
      type: z.literal("grammar"),
      syntax: z.enum(["lark", "regex"], { error: "must be lark or regex" }),
      definition: text,
    }),
  ], { error: FORMAT_ERROR }).nullish().describe(
    "A regular expression, or a Lark grammar without recursion, constrains the input; a notice " +
      "reports any other grammar",
  ),
  allowed_callers: directCallers,
  defer_loading: deferLoading,
});

const namespaceTool = z.strictObject({
  type: z.literal("namespace"),
  name: toolName,
  description: text.nullish(),
  tools: z.array(
    z.discriminatedUnion("type", [functionTool, customTool], {
      error: "must be function or custom",
    }),
    { error: "must be a list of tools" },
  ).describe("Offered as `<namespace>__<name>`; calls have the field namespace"),
});

const localShellTool = z.strictObject({ type: z.literal("local_shell") });

const toolSearchTool = z.strictObject({
  type: z.literal("tool_search"),
  execution: z.enum(["client", "server"], { error: "must be client or server" }).nullish()
    .describe("client: the client runs the search; default: the server searches by words"),
  description: text.nullish(),
  parameters: jsonObject.nullish().describe("Default: an object with the text `query`"),
});

const knownTool = z.discriminatedUnion("type", [
  functionTool,
  customTool,
  namespaceTool,
  localShellTool,
  toolSearchTool,
]);

const KNOWN_TYPES: ReadonlySet<string> = new Set(
  knownTool.options.map(({ shape }) => shape.type.value),
);

/** A tool that needs a service of OpenAI, or that is newer than this server. */
const otherTool = z.looseObject({ type: text })
  .refine(({ type }) => !KNOWN_TYPES.has(type), { error: "must be a tool" })
  .transform((tool) => ({ type: "other" as const, tool }))
  .describe("Left out of the prompt, with a notice");

/** A tool of a response. */
export const responseTool = z.union([knownTool, otherTool], {
  error: "must be an object whose type is that of a tool",
});

export type ResponseTool = z.output<typeof responseTool>;

/** The tool as the client sent it. */
export function sentTool(tool: ResponseTool) {
  if (tool.type === "other") return tool.tool;
  if (tool.type !== "function") return tool;
  const { description = null, parameters = null, strict = null } = tool;
  return { ...tool, description, parameters, strict };
}
