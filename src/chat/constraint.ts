import type { SequenceRequest } from "../engine/protocol.ts";
import { ShimmyError } from "../errors.ts";
import type { AnswerRequest, Format, Tool } from "./conversation.ts";
import { GrammarRules, quoted } from "./gbnf.ts";
import type { ChatInput, RenderedChat } from "./prompt.ts";

type Constraint = NonNullable<SequenceRequest["grammar"]>;

/**
 * What an answer is held to, so that it has the form the request asks for; null where it may be any
 * text.
 *
 * A call that is required or named, JSON and a request's own grammar bind the answer from its beginning
 * (after the model's reasoning); where the model chooses, its calls are bound once it has begun one.
 *
 * @throws {ShimmyError} `invalid`, for a schema that no grammar can be made of or a tool that was not
 * offered.
 */
export async function constraintOf(
  request: AnswerRequest,
  chat: RenderedChat | null,
): Promise<Constraint | null> {
  const { format, input } = request;
  if (chat === null || input.type !== "chat") {
    if (format.type === "text") return null;
    if (format.type === "grammar") return { source: format.source };
    const rules = await newRules();
    return { source: rules.print(contentRule(format, rules)) };
  }
  const forced = forcedTools(input);
  if (forced !== null) {
    const rules = await newRules();
    const calls = chat.format.grammar(forced, rules, input.parallelToolCalls);
    return { source: rules.print(`${preamble(chat, rules)} ${calls}`) };
  }
  if (format.type === "text") return await lazyCalls(input, chat);
  return { source: await contentGrammar(format, input, chat) };
}

/** Imported when it is needed: most answers are not held to anything. */
async function newRules(): Promise<GrammarRules> {
  const { GrammarBuilder } = await import("../grammar/mod.ts");
  return new GrammarRules(new GrammarBuilder());
}

/** The tools of which one must be called; null where none must. */
function forcedTools({ toolChoice, tools }: ChatInput): readonly Tool[] | null {
  if (toolChoice.type === "required") {
    if (tools.length > 0) return tools;
    throw new ShimmyError("invalid", "tool_choice: a call is required, but there are no tools", {
      field: "tool_choice",
    });
  }
  if (toolChoice.type !== "named") return null;
  const named = tools.filter((tool) => tool.name === toolChoice.name);
  if (named.length > 0) return named;
  throw new ShimmyError("invalid", `tool_choice: there is no tool named '${toolChoice.name}'`, {
    field: "tool_choice",
  });
}

/** Holds calls to their schemas once the model has begun one. */
async function lazyCalls(input: ChatInput, chat: RenderedChat): Promise<Constraint | null> {
  const triggers = chat.tools.length === 0 ? [] : chat.format.triggers(chat.tools);
  if (triggers.length === 0) return null;
  const rules = await newRules();
  const calls = chat.format.grammar(chat.tools, rules, input.parallelToolCalls);
  return {
    source: rules.print(calls),
    triggers: triggers.map((text) => `(${text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")})`),
  };
}

/** Holds the whole answer to its format, or to calls of the tools that are offered. */
async function contentGrammar(
  format: Exclude<Format, { type: "text" }>,
  input: ChatInput,
  chat: RenderedChat,
): Promise<string> {
  // A request's own grammar is for all that the model writes, unless the prompt has begun to reason.
  if (format.type === "grammar" && !chat.opensReasoning && !chat.format.framesAnswer) {
    return format.source;
  }
  const rules = await newRules();
  const content = contentRule(format, rules);
  const framed = chat.format.frame?.(content) ?? content;
  const calls = chat.tools.length === 0
    ? ""
    : ` | ${chat.format.grammar(chat.tools, rules, input.parallelToolCalls)}`;
  return rules.print(`${preamble(chat, rules)} ( ${framed}${calls} )`);
}

/** The name of a rule for what a format allows. */
function contentRule(format: Exclude<Format, { type: "text" }>, rules: GrammarRules): string {
  switch (format.type) {
    case "json_object":
      return rules.jsonObject();
    case "json_schema":
      return rules.schema(format.schema);
    case "grammar":
      return rules.part(format.source);
  }
}

/** A GBNF expression for the reasoning with which an answer may begin. */
function preamble(chat: RenderedChat, rules: GrammarRules): string {
  const { open, close } = chat.reasoning;
  if (chat.format.preamble !== undefined) return chat.format.preamble(rules, chat.opensReasoning);
  if (!chat.opensReasoning && !chat.mayReason) return "";
  const body = `${rules.until(close)} ${quoted(close)} [ \\t\\r\\n]*`;
  return chat.opensReasoning ? body : `( ${quoted(open)} ${body} )?`;
}
