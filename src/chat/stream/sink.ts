import type { AnswerEvent } from "../conversation/mod.ts";

/** An event before its log probabilities are added. */
export type ParsedEvent =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "reasoning"; readonly text: string }
  | Extract<AnswerEvent, { type: "tool_call" | "tool_arguments" }>;

/**
 * Where a parser puts what it has read. White space around reasoning and tool calls belongs to the
 * format and not to the message, so it is held back until something follows that makes it text.
 */
export class Sink {
  #events: ParsedEvent[] = [];
  #calls = 0;
  #space = "";
  #reasoningSpace = "";
  #reasoned = false;
  /** Nothing but white space has come since the last part that was not text. */
  #fresh = false;
  readonly #holdSpace: boolean;

  /** `holdSpace`: tool calls may follow, so white space at the end of text must wait. */
  constructor(holdSpace: boolean) {
    this.#holdSpace = holdSpace;
  }

  /** How many tool calls there were. */
  get calls(): number {
    return this.#calls;
  }

  /** What was put in since the last time. */
  drain(): ParsedEvent[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }

  /** Text of the message. */
  text(text: string): void {
    const all = this.#fresh ? text.trimStart() : this.#space + text;
    this.#space = "";
    if (all === "") return;
    this.#fresh = false;
    const kept = this.#holdSpace ? all.trimEnd() : all;
    this.#space = all.slice(kept.length);
    if (kept !== "") this.#events.push({ type: "text", text: kept });
  }

  /** Text of the model's reasoning. */
  reasoning(text: string): void {
    const all = this.#reasoned ? this.#reasoningSpace + text : text.trimStart();
    const kept = all.trimEnd();
    this.#reasoningSpace = all.slice(kept.length);
    this.#leaveText();
    if (kept === "") return;
    this.#reasoned = true;
    this.#events.push({ type: "reasoning", text: kept });
  }

  /** A tool call begins; its arguments follow. */
  toolCall(name: string, id: string = newCallId()): void {
    this.#leaveText();
    this.#events.push({ type: "tool_call", index: this.#calls++, id, name });
  }

  /** A piece of the JSON text of the last call's arguments. */
  toolArguments(text: string): void {
    if (text !== "") this.#events.push({ type: "tool_arguments", index: this.#calls - 1, text });
  }

  /** The answer is over: white space at its end is text after all, unless tools were called. */
  end(): void {
    if (this.#space !== "" && this.#calls === 0) {
      this.#events.push({ type: "text", text: this.#space });
    }
    this.#space = "";
  }

  #leaveText(): void {
    this.#space = "";
    this.#fresh = true;
  }
}

/** An id as OpenAI's API makes them. */
export function newCallId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(18));
  return `call_${btoa(String.fromCharCode(...bytes)).replace(/[+/]/g, "x")}`;
}
