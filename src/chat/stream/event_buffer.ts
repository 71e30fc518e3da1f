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
  /** A call has started, and its name is not known yet. */
  #isNaming = false;
  /** Arguments of the last call. */
  #lastArguments = "";

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
    if (text !== "") this.#isNaming = false;
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

  /** Notes that the mark of a call was read. Its name follows. */
  startCall(): void {
    this.#isNaming = true;
  }

  /** Starts a tool call. Its arguments follow. */
  toolCall(name: string, id: string = newCallId()): void {
    this.#leaveText();
    this.#isNaming = false;
    this.#lastArguments = "";
    this.#events.push({ type: "tool_call", index: this.#calls++, id, name });
  }

  /** Adds JSON text to the arguments of the last call. */
  toolArguments(text: string): void {
    if (text === "") return;
    this.#lastArguments += text;
    this.#events.push({ type: "tool_arguments", index: this.#calls - 1, text });
  }

  /** Drops the white space before a part of the format that was cut. */
  dropSpace(): void {
    this.#space = "";
  }

  /**
   * Ends the answer. Trailing white space becomes text, unless tools were called. A last call that
   * the model ended without arguments has no arguments.
   */
  end(isCut: boolean): void {
    if (this.#space !== "" && this.#calls === 0 && !this.#isNaming) {
      this.#events.push({ type: "text", text: this.#space });
    }
    this.#space = "";
    if (!isCut && this.#calls > 0 && this.#lastArguments.trim() === "") this.toolArguments("{}");
  }

  /** Index of the call whose arguments are incomplete at the end of the answer, or null. */
  get incompleteCall(): number | null {
    return this.#calls > 0 && !isObject(this.#lastArguments) ? this.#calls - 1 : null;
  }

  /** True if the answer ended inside a call, also inside its name. */
  get endsInCall(): boolean {
    return this.#isNaming || this.incompleteCall !== null;
  }

  #leaveText(): void {
    this.#space = "";
    this.#isAfterPart = true;
  }
}

function isObject(json: string): boolean {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

/** An id in the style of OpenAI's API. */
export function newCallId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(18));
  return `call_${btoa(String.fromCharCode(...bytes)).replace(/[+/]/g, "x")}`;
}
