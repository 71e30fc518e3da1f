import type { Tool, ToolCall } from "../../conversation/mod.ts";
import type { GrammarRules } from "./gbnf.ts";
import type { EventBuffer, IncrementalParser, Reader, ReasoningTags } from "../../stream/mod.ts";

/** Properties of the request that a parser needs. */
export interface ParseContext {
  readonly tools: readonly Tool[];
  /** Text that the template wrote at the start of the answer, for formats that frame answers. */
  readonly generationPrompt: string;
  /** The prompt ends inside the model's reasoning. */
  readonly opensReasoning: boolean;
}

/** The tool call format of a family of models. */
export interface ToolFormat {
  readonly name: string;
  /** True if models with this chat template use the format. */
  readonly matches: (template: string) => boolean;
  /** Texts that the parser needs even if they are control tokens. */
  readonly markers: readonly string[];
  /** Reasoning tags, if the template does not contain them. */
  readonly reasoning?: ReasoningTags;
  /** Start and end of reasoning, for formats that frame it without tags. */
  readonly reasoningFrame?: { readonly open: string; readonly close: string };
  /**
   * The format frames all parts of an answer, also reasoning. The parser then reads the whole
   * answer, not only the part after the reasoning of requests with tools.
   */
  readonly framesAnswer?: boolean;
  /** Parses an answer (after its reasoning) to the end. */
  readonly parse: (
    reader: Reader,
    output: EventBuffer,
    context: ParseContext,
  ) => IncrementalParser<void>;
  /** Writes calls as the model does. */
  readonly write: (calls: readonly ToolCall[]) => string;
  /**
   * Texts that start calls: each text of {@linkcode grammar} starts with one of them. Empty if
   * calls cannot be recognised early enough.
   */
  readonly triggers: (tools: readonly Tool[]) => readonly string[];
  /** For formats that frame answers: GBNF expression for optional reasoning at the start. */
  readonly preamble?: (rules: GrammarRules, opensReasoning: boolean) => string;
  /** For formats that frame answers: puts a GBNF expression into the answer's frame. */
  readonly frame?: (content: string) => string;
  /** GBNF expression for one call of a tool, or for one or more calls with `parallel`. */
  readonly grammar: (tools: readonly Tool[], rules: GrammarRules, parallel: boolean) => string;
}

/** True if a tool of that name was offered. */
export function isOffered(context: ParseContext, name: string): boolean {
  return context.tools.some((tool) => tool.name === name);
}

/** The arguments of a call as JSON text. */
export function argumentsText(call: ToolCall): string {
  return call.arguments.trim() || "{}";
}
