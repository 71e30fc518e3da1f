import type { Tool, ToolCall } from "../../conversation/mod.ts";
import type { GrammarRules } from "./gbnf.ts";
import type { Reader, Reading, ReasoningTags, Sink } from "../../stream/mod.ts";

/** What a parser may know of the request whose answer it reads. */
export interface ParseContext {
  readonly tools: readonly Tool[];
  /** What the template wrote to begin the answer, where the format frames answers. */
  readonly generationPrompt: string;
  /** The prompt ends inside the model's reasoning. */
  readonly opensReasoning: boolean;
}

/** How a family of models writes tool calls. */
export interface ToolFormat {
  readonly name: string;
  /** True if this chat template makes a model speak the format. */
  readonly matches: (template: string) => boolean;
  /** What the parser must get to see even where the vocabulary has it as a control token. */
  readonly markers: readonly string[];
  /** What stands around the model's reasoning, where its template does not say so in plain words. */
  readonly reasoning?: ReasoningTags;
  /** What begins and ends reasoning in frames that are no tags which a client may write. */
  readonly thought?: { readonly open: string; readonly close: string };
  /**
   * The format frames every answer and its reasoning too, so the parser runs for all of it and not
   * only for what follows the reasoning when tools were offered.
   */
  readonly framesAnswer?: boolean;
  /** Reads an answer (what follows its reasoning) up to its end. */
  readonly parse: (reader: Reader, sink: Sink, context: ParseContext) => Reading<void>;
  /** Calls as the model writes them. */
  readonly write: (calls: readonly ToolCall[]) => string;
  /**
   * Texts that show that calls begin: what {@linkcode grammar} describes begins with one of them. None
   * where nothing tells a call from other text before it is too late.
   */
  readonly triggers: (tools: readonly Tool[]) => readonly string[];
  /** Where the format frames answers: a GBNF expression for the reasoning that may come first. */
  readonly preamble?: (rules: GrammarRules, opensReasoning: boolean) => string;
  /** Where the format frames answers: the GBNF expression `content` with its frame around it. */
  readonly frame?: (content: string) => string;
  /** A GBNF expression for one call of one of the tools, or for one and `more`. */
  readonly grammar: (tools: readonly Tool[], rules: GrammarRules, more: boolean) => string;
}

/** True if a tool of that name was offered. */
export function isOffered(context: ParseContext, name: string): boolean {
  return context.tools.some((tool) => tool.name === name);
}

/** The JSON text of a call's arguments. */
export function argumentsText(call: ToolCall): string {
  return call.arguments.trim() || "{}";
}
