import * as z from "zod";
import type { Tool, ToolChoice } from "../../../../chat/mod.ts";
import { ShimmyError } from "../../../../errors.ts";
import { boolean, jsonObject, text } from "./fields.ts";

/** Wider than OpenAI's rule, because tool servers use dots, colons and slashes in names. */
const TOOL_NAME = /^[\w.:/-]{1,128}$/;

export const toolName = text.regex(TOOL_NAME, {
  error: "must be 1 to 128 letters, digits, or any of _ - . : /",
});

/** Fields of a function in chat completions and responses. */
export const functionFields = {
  name: toolName,
  description: text.nullish(),
  parameters: jsonObject.nullish(),
  strict: boolean.nullish()
    .describe("Refuse a schema that a grammar cannot express in full"),
};

/** The error for tools that need services of OpenAI. */
export function onlyFunctions(issue: { readonly input?: unknown }): string {
  const { input } = issue;
  const type = typeof input === "object" && input !== null && "type" in input ? input.type : input;
  return `${JSON.stringify(type) ?? "nothing"} is not supported: only function tools are`;
}

const chatTool = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("function"), function: z.strictObject(functionFields) }),
], { error: onlyFunctions });

/** `tools` of chat completions. */
export const chatTools = z.array(chatTool, { error: "must be a list of tools" });

export const choiceMode = z.enum(["none", "auto", "required"], {
  error: "must be none, auto, required or an object that names a function",
});

const namedFunction = z.strictObject({
  type: z.literal("function"),
  function: z.strictObject({ name: text }),
});

/** `tool_choice` of chat completions. */
export const chatToolChoice = z.union([
  choiceMode,
  z.discriminatedUnion("type", [
    namedFunction,
    z.strictObject({
      type: z.literal("allowed_tools"),
      allowed_tools: z.strictObject({
        mode: z.enum(["auto", "required"], { error: "must be auto or required" }),
        tools: z.array(namedFunction).min(1, { error: "must name at least one tool" }),
      }),
    }),
  ], { error: onlyFunctions }),
], { error: "must be none, auto, required or an object that names a function" });

/** `tool_choice` of either API in one form. */
export type RequestedChoice =
  | "none"
  | "auto"
  | "required"
  | { readonly name: string }
  | { readonly mode: "auto" | "required"; readonly names: readonly string[] };

/** A function of chat completions or responses. */
export interface FunctionDefinition {
  readonly name: string;
  readonly description?: string | null | undefined;
  readonly parameters?: Record<string, unknown> | null | undefined;
  readonly strict?: boolean | null | undefined;
  /** Field of the request that has the parameters, for errors. */
  readonly field?: string;
  /** See {@linkcode Tool.isInMessages}. */
  readonly isInMessages?: boolean;
}

/** Converts `tool_choice` of chat completions. */
export function toRequestedChoice(
  choice: z.output<typeof chatToolChoice> | null | undefined,
): RequestedChoice | null {
  if (!choice) return null;
  if (typeof choice === "string") return choice;
  if (choice.type === "function") return { name: choice.function.name };
  const { mode, tools } = choice.allowed_tools;
  return { mode, names: tools.map((tool) => tool.function.name) };
}

/** The tool of a function. */
export function toTool(
  { name, description, parameters, strict, isInMessages, ...given }: FunctionDefinition,
  field: string,
): Tool {
  return {
    name,
    ...(description ? { description } : {}),
    ...(isInMessages ? { isInMessages } : {}),
    parameters: parameters ?? { type: "object", properties: {} },
    ...(strict ? { strict } : {}),
    field: given.field ?? field,
  };
}

function invalid(field: string, message: string): ShimmyError {
  return new ShimmyError("invalid", `${field}: ${message}`, { field });
}

/**
 * The tools of a request and the choice among them.
 * @param fieldOf the field of the request with the parameters of the function at an index.
 * @throws {ShimmyError} `invalid` when a name is not unique, or the choice names an unknown tool.
 */
export function toTools(
  functions: readonly FunctionDefinition[],
  choice: RequestedChoice | null,
  fieldOf: (index: number) => string,
): { tools: readonly Tool[]; toolChoice: ToolChoice } {
  const tools = functions.map((definition, index) => toTool(definition, fieldOf(index)));
  const names = new Set<string>();
  for (const { name } of tools) {
    if (names.has(name)) throw invalid("tools", `'${name}' is not unique`);
    names.add(name);
  }
  const asked = choice ?? "auto";
  if (typeof asked === "string") {
    if (asked === "required" && tools.length === 0) {
      throw invalid("tool_choice", "required needs at least one tool");
    }
    return { tools, toolChoice: { type: tools.length === 0 ? "none" : asked } };
  }
  const wanted = "name" in asked ? [asked.name] : asked.names;
  for (const name of wanted) {
    if (!names.has(name)) throw invalid("tool_choice", `there is no tool '${name}'`);
  }
  if ("name" in asked) return { tools, toolChoice: { type: "named", name: asked.name } };
  return {
    tools: tools.filter(({ name }) => wanted.includes(name)),
    toolChoice: { type: asked.mode },
  };
}
