import type { AnswerEvent } from "../conversation/mod.ts";

/** An event without its log probabilities. */
export type ParsedEvent =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "reasoning"; readonly text: string }
  | Extract<AnswerEvent, { type: "tool_call" | "tool_arguments" }>;

/**
 * Collects the events of a parser. White space around reasoning and tool calls belongs to the
 * format and not to the message. It is held back until the following text shows that it is part of
 * the message.
 */
export class EventBuffer {
  #events: ParsedEvent[] = [];
  #calls = 0;
  #space = "";
  #reasoningSpace = "";
  #hasReasoning = false;
  /** Only white space has come since the last part that is not text. */
  #isAfterPart = false;
  readonly #holdSpace: boolean;

  /** @param holdSpace Tool calls may follow, so trailing white space is held back. */
  constructor(holdSpace: boolean) {
    this.#holdSpace = holdSpace;
  }

  /** Number of tool calls. */
  get calls(): number {
    return this.#calls;
  }

  /** Returns and removes the collected events. */
  drain(): ParsedEvent[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }

  /** Adds text of the message. */
  text(text: string): void {
    const all = this.#isAfterPart ? text.trimStart() : this.#space + text;
    this.#space = "";
    if (all === "") return;
    this.#isAfterPart = false;
    const kept = this.#holdSpace ? all.trimEnd() : all;
    this.#space = all.slice(kept.length);
    if (kept !== "") this.#events.push({ type: "text", text: kept });
  }

  /** Adds text of the reasoning. */
  reasoning(text: string): void {
    const all = this.#hasReasoning ? this.#reasoningSpace + text : text.trimStart();
    const kept = all.trimEnd();
    this.#reasoningSpace = all.slice(kept.length);
    this.#leaveText();
    if (kept === "") return;
    this.#hasReasoning = true;
    this.#events.push({ type: "reasoning", text: kept });
  }

  /** Starts a tool call. Its arguments follow. */
  toolCall(name: string, id: string = newCallId()): void {
    this.#leaveText();
    this.#events.push({ type: "tool_call", index: this.#calls++, id, name });
  }

  /** Adds JSON text to the arguments of the last call. */
  toolArguments(text: string): void {
    if (text !== "") this.#events.push({ type: "tool_arguments", index: this.#calls - 1, text });
  }

  /** Ends the answer. Trailing white space becomes text, unless tools were called. */
  end(): void {
    if (this.#space !== "" && this.#calls === 0) {
      this.#events.push({ type: "text", text: this.#space });
    }
    this.#space = "";
  }

  #leaveText(): void {
    this.#space = "";
    this.#isAfterPart = true;
  }
}

/** An id in the style of OpenAI's API. */
export function newCallId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(18));
  return `call_${btoa(String.fromCharCode(...bytes)).replace(/[+/]/g, "x")}`;
}
