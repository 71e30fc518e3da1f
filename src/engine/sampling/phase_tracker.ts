import type { Phase, ReasoningPhase } from "../protocol/mod.ts";

/** What a token's text is, and the tokens of a text, as the vocabulary has them. */
export interface TokenText {
  textOf(token: number): string;
  tokensOf(text: string): readonly number[];
}

/**
 * Knows which phase a sequence is in: its answer, or the reasoning that may come before that.
 *
 * It also ends the reasoning when it has taken as many tokens as it may: from then on the tokens of the
 * closing mark are forcedToken instead of sampled.
 */
export class PhaseTracker {
  readonly #reasoning: ReasoningPhase;
  readonly #open: string;
  readonly #tokenText: TokenText;
  #state: "before" | "inside" | "after";
  #text = "";
  #reasoningTokens = 0;
  #forcedToken: number[] = [];

  constructor(reasoning: ReasoningPhase, tokenText: TokenText) {
    this.#reasoning = reasoning;
    this.#open = reasoning.open.trimStart();
    this.#tokenText = tokenText;
    this.#state = reasoning.isOpen ? "inside" : "before";
    this.#forceClosing();
  }

  /** What the next token belongs to. An answer that has not begun to reason is an answer. */
  get phase(): Phase {
    return this.#state === "inside" ? "reasoning" : "answer";
  }

  /** The sequence will not reason any more. */
  get isOver(): boolean {
    return this.#state === "after";
  }

  /** The token that has to come next, or null where the model may choose. */
  get forcedToken(): number | null {
    return this.#forcedToken[0] ?? null;
  }

  /**
   * Takes note of the token that came.
   * @returns where it ended the reasoning, the text that it has beyond the closing mark.
   */
  accept(token: number): string {
    if (this.#state === "after") return "";
    if (this.#forcedToken.length > 0) {
      this.#forcedToken.shift();
      if (this.#forcedToken.length === 0) this.#state = "after";
      return "";
    }
    this.#text += this.#tokenText.textOf(token);
    if (this.#state === "inside") return this.#detectClosing();
    this.#detectOpening();
    return "";
  }

  #detectOpening(): void {
    const begun = this.#text.trimStart();
    if (begun.startsWith(this.#open)) {
      this.#state = "inside";
      this.#text = "";
      this.#forceClosing();
    } else if (!this.#open.startsWith(begun)) this.#state = "after";
  }

  #detectClosing(): string {
    const { close } = this.#reasoning;
    const end = this.#text.indexOf(close);
    if (end >= 0) {
      this.#state = "after";
      return this.#text.slice(end + close.length);
    }
    this.#reasoningTokens++;
    // Only an end of the text that could begin the mark matters from here on.
    this.#text = this.#text.slice(-close.length);
    this.#forceClosing();
    return "";
  }

  /** Whether the model is about to write the mark itself. */
  #isClosing(): boolean {
    const { close } = this.#reasoning;
    for (let length = 1; length < close.length; length++) {
      if (this.#text.endsWith(close.slice(0, length))) return true;
    }
    return false;
  }

  #forceClosing(): void {
    const { tokens = Infinity, close } = this.#reasoning;
    if (this.#state !== "inside" || this.#reasoningTokens < tokens) return;
    if (this.#isClosing()) return;
    this.#forcedToken = [...this.#tokenText.tokensOf(close)];
  }
}
