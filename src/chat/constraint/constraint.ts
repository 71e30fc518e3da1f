import type { SequenceRequest } from "../../engine/protocol/mod.ts";
import { ShimmyError } from "../../errors.ts";
import type { AnswerRequest, Format, Tool } from "../conversation/mod.ts";
import { GrammarRules, quoted } from "../formats/mod.ts";
import type { ChatInput, RenderedChat } from "../prompt/mod.ts";

/** A grammar, and sentences about what it does not enforce. */
export interface Constraint {
  readonly grammar: NonNullable<SequenceRequest["grammar"]>;
  readonly notices: readonly string[];
}

/**
 * The grammar of an answer in the requested format; null for unconstrained text.
 *
 * A required or named call, JSON and a request's own grammar constrain the answer from its start
 * (after the reasoning). If the model decides about calls, the grammar applies from the start of a
 * call.
 *
 * @param onBuild called before a grammar is built that is not known from another request.
 * @throws {ShimmyError} `invalid` if a grammar cannot express the schema, or if the tool was not
 * offered.
 */
export async function constraintOf(
  { format, input }: Pick<AnswerRequest, "format" | "input">,
  chat: RenderedChat | null,
  onBuild: () => void = () => {},
): Promise<Constraint | null> {
  if (chat === null || input.type !== "chat") {
    if (format.type === "text") return null;
    if (format.type === "grammar") return raw(format.source);
    return await cachedGrammar(
      JSON.stringify(["content", format]),
      (rules) => contentRule(format, rules),
      onBuild,
    );
  }
  const forced = forcedTools(input, chat.tools);
  const parallel = input.parallelToolCalls;
  const { reasoning, opensReasoning, mayReason } = chat;
  const key = (what: unknown) =>
    JSON.stringify([chat.format.name, reasoning, opensReasoning, mayReason, parallel, what]);
  if (forced !== null) {
    const make = (rules: GrammarRules) =>
      `${reasoningRule(chat, rules)} ${chat.format.grammar(forced, rules, parallel)}`;
    return await cachedGrammar(key(["forced", forced]), make, onBuild);
  }
  if (format.type === "text") return await lazyCallGrammar(chat, parallel, onBuild);
  // A request's own grammar describes the whole output, unless reasoning or a frame surrounds the
  // answer.
  if (format.type === "grammar" && !opensReasoning && !chat.format.framesAnswer) {
    return raw(format.source);
  }
  const make = (rules: GrammarRules) => contentGrammar(format, chat, rules, parallel);
  return await cachedGrammar(key([format, chat.tools]), make, onBuild);
}

function raw(source: string): Constraint {
  return { grammar: { source }, notices: [] };
}

/** Maximum number and length of cached grammars. Agents send the same tools in every turn. */
const CACHE_SIZE = 32;
const MAX_CACHED_LENGTH = 200_000;

const cache = new Map<string, Constraint>();

/** The grammar with the start expression that `make` returns, cached by key. */
async function cachedGrammar(
  key: string,
  make: (rules: GrammarRules) => string,
  onBuild: () => void,
): Promise<Constraint> {
  let constraint = cache.get(key);
  if (constraint === undefined) {
    onBuild();
    constraint = await newGrammar(make);
    const oldest = cache.keys().next();
    if (cache.size >= CACHE_SIZE && !oldest.done) cache.delete(oldest.value);
  }
  // Moves the grammar to the end of the eviction order.
  cache.delete(key);
  if (constraint.grammar.source.length <= MAX_CACHED_LENGTH) cache.set(key, constraint);
  return constraint;
}

/** Builds a grammar. All of its schemas share one budget. */
async function newGrammar(make: (rules: GrammarRules) => string): Promise<Constraint> {
  // Imported on use: most answers are not constrained.
  const { GrammarBuilder, withGrammarBudget } = await import("../../grammar/mod.ts");
  const rules = new GrammarRules(new GrammarBuilder());
  const source = withGrammarBudget(() => rules.print(make(rules)));
  return { grammar: { source }, notices: rules.notices };
}

/** The tools of which one must be called; null if no call is required. */
function forcedTools({ toolChoice }: ChatInput, tools: readonly Tool[]): readonly Tool[] | null {
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

/** A lazy grammar that constrains calls after the model has started one. */
async function lazyCallGrammar(
  chat: RenderedChat,
  parallel: boolean,
  onBuild: () => void,
): Promise<Constraint | null> {
  const { tools, format } = chat;
  const triggers = tools.length === 0 ? [] : format.triggers(tools);
  if (triggers.length === 0) return null;
  const key = JSON.stringify([format.name, parallel, tools]);
  const { grammar, notices } = await cachedGrammar(
    key,
    (rules) => format.grammar(tools, rules, parallel),
    onBuild,
  );
  const patterns = triggers.map((text) => `(${text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")})`);
  return { grammar: { ...grammar, triggers: patterns }, notices };
}

/** Constrains the whole answer to its format, or to calls of the offered tools. */
function contentGrammar(
  format: Exclude<Format, { type: "text" }>,
  chat: RenderedChat,
  rules: GrammarRules,
  parallel: boolean,
): string {
  const content = contentRule(format, rules);
  const framed = chat.format.frame?.(content) ?? content;
  const calls = chat.tools.length === 0
    ? ""
    : ` | ${chat.format.grammar(chat.tools, rules, parallel)}`;
  return `${reasoningRule(chat, rules)} ( ${framed}${calls} )`;
}

/** Name of the rule for a format's content. */
function contentRule(format: Exclude<Format, { type: "text" }>, rules: GrammarRules): string {
  switch (format.type) {
    case "json_object":
      return rules.jsonObject();
    case "json_schema":
      return rules.schema(format.schema, format.field);
    case "grammar":
      return rules.embed(format.source);
    case "regex":
      return rules.pattern(format.pattern, format.field);
    case "choice":
      return rules.add("choice", format.texts.map(quoted).join(" | "));
  }
}

/** GBNF expression for optional reasoning at the start of an answer. */
function reasoningRule(chat: RenderedChat, rules: GrammarRules): string {
  const { open, close } = chat.reasoning;
  if (chat.format.preamble !== undefined) return chat.format.preamble(rules, chat.opensReasoning);
  if (!chat.opensReasoning && !chat.mayReason) return "";
  const body = `${rules.until(close)} ${quoted(close)} [ \\t\\r\\n]*`;
  return chat.opensReasoning ? body : `( ${quoted(open)} ${body} )?`;
}
