import type { Tool } from "../conversation.ts";
import type { Reader, Reading } from "../stream/reader.ts";
import type { Sink } from "../stream/sink.ts";

/** What a parser may know of the request whose answer it reads. */
export interface ParseContext {
  readonly tools: readonly Tool[];
  /** What the template wrote to begin the answer, e.g. `<|start|>assistant`. */
  readonly generationPrompt: string;
}

/** How a family of models writes tool calls. */
export interface ToolFormat {
  readonly name: string;
  /** True if this chat template makes a model speak the format. */
  readonly matches: (template: string) => boolean;
  /** What the parser must get to see even where the vocabulary has it as a control token. */
  readonly markers: readonly string[];
  /**
   * The format frames every answer and its reasoning too, so the parser runs for all of it and not
   * only for what follows the reasoning when tools were offered.
   */
  readonly framesAnswer?: boolean;
  /** Reads an answer (what follows its reasoning) up to its end. */
  readonly parse: (reader: Reader, sink: Sink, context: ParseContext) => Reading<void>;
}

/** True if a tool of that name was offered. */
export function isOffered(context: ParseContext, name: string): boolean {
  return context.tools.some((tool) => tool.name === name);
}
