import type { SequenceRequest } from "../../engine/protocol/mod.ts";
import { ShimmyError } from "../../errors.ts";
import type { AnswerRequest, Format, Tool } from "../conversation/mod.ts";
import { GrammarRules, quoted } from "../formats/mod.ts";
import type { ChatInput, RenderedChat } from "../prompt/mod.ts";

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
  const more = input.parallelToolCalls;
  const { reasoning, opensReasoning, mayReason } = chat;
  const key = (what: unknown) =>
    JSON.stringify([chat.format.name, reasoning, opensReasoning, mayReason, more, what]);
  if (forced !== null) {
    const make = (rules: GrammarRules) =>
      `${preamble(chat, rules)} ${chat.format.grammar(forced, rules, more)}`;
    return { source: await remembered(key(["forced", forced]), make) };
  }
  if (format.type === "text") return await lazyCalls(chat, more);
  // A request's own grammar is for all that the model writes, unless there is more around it.
  if (format.type === "grammar" && !opensReasoning && !chat.format.framesAnswer) {
    return { source: format.source };
  }
  const make = (rules: GrammarRules) => contentGrammar(format, chat, rules, more);
  return { source: await remembered(key([format, chat.tools]), make) };
}

/** Grammars kept at most, and the characters of one; an agent sends the same tools with every turn. */
const KEPT = 32;
const KEPT_LENGTH = 200_000;

const kept = new Map<string, string>();

/** The grammar whose start symbol is what `make` returns; made once for each key. */
async function remembered(key: string, make: (rules: GrammarRules) => string): Promise<string> {
  let source = kept.get(key);
  if (source === undefined) {
    const rules = await newRules();
    source = rules.print(make(rules));
    const oldest = kept.keys().next();
    if (kept.size >= KEPT && !oldest.done) kept.delete(oldest.value);
  }
  // The latest is the last to go.
  kept.delete(key);
  if (source.length <= KEPT_LENGTH) kept.set(key, source);
  return source;
}

/** Imported when it is needed: most answers are not held to anything. */
async function newRules(): Promise<GrammarRules> {
  const { GrammarBuilder } = await import("../../grammar/mod.ts");
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
async function lazyCalls(chat: RenderedChat, more: boolean): Promise<Constraint | null> {
  const { tools, format } = chat;
  const triggers = tools.length === 0 ? [] : format.triggers(tools);
  if (triggers.length === 0) return null;
  const key = JSON.stringify([format.name, more, tools]);
  return {
    source: await remembered(key, (rules) => format.grammar(tools, rules, more)),
    triggers: triggers.map((text) => `(${text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")})`),
  };
}

/** Holds the whole answer to its format, or to calls of the tools that are offered. */
function contentGrammar(
  format: Exclude<Format, { type: "text" }>,
  chat: RenderedChat,
  rules: GrammarRules,
  more: boolean,
): string {
  const content = contentRule(format, rules);
  const framed = chat.format.frame?.(content) ?? content;
  const calls = chat.tools.length === 0 ? "" : ` | ${chat.format.grammar(chat.tools, rules, more)}`;
  return `${preamble(chat, rules)} ( ${framed}${calls} )`;
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
