import type { Phase, ReasoningPhase } from "../protocol/mod.ts";

/** Conversion between tokens and text. */
export interface TokenText {
  textOf(token: number): string;
  tokensOf(text: string): readonly number[];
}

/** Where a sequence is: before, inside or after its reasoning. */
export type ReasoningStage = "before" | "inside" | "after";

/**
 * Tracks the phase of a sequence: reasoning or answer.
 *
 * When the token budget of the reasoning is used up, the tracker forces the tokens of the closing
 * mark instead of letting the model sample.
 */
export class PhaseTracker {
  readonly #reasoning: ReasoningPhase;
  readonly #open: string;
  readonly #tokenText: TokenText;
  #state: ReasoningStage;
  #text = "";
  #reasoningTokens = 0;
  #forcedToken: number[] = [];
  #isEnding = false;

  constructor(reasoning: ReasoningPhase, tokenText: TokenText) {
    this.#reasoning = reasoning;
    this.#open = reasoning.open.trimStart();
    this.#tokenText = tokenText;
    this.#state = reasoning.isOpen ? "inside" : "before";
    this.#forceClosing();
  }

  /** Phase of the next token. Text before the opening mark of the reasoning counts as answer. */
  get phase(): Phase {
    return this.#state === "inside" ? "reasoning" : "answer";
  }

  get stage(): ReasoningStage {
    return this.#state;
  }

  /** Whether no reasoning can follow. */
  get isOver(): boolean {
    return this.#state === "after";
  }

  /** The token that must come next, or null if the model samples. */
  get forcedToken(): number | null {
    return this.#forcedToken[0] ?? null;
  }

  /**
   * Records a token.
   * @returns the text after the closing mark, if this token ended the reasoning.
   */
  accept(token: number): string {
    if (this.#state === "after") return "";
    // An inserted token is not the forced one: the reasoning then goes on with it.
    if (this.#forcedToken.length > 0 && token !== this.#forcedToken[0]) this.#forcedToken = [];
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

  /** Closes the reasoning with the next tokens. Ignored before and after it. */
  end(): void {
    if (this.#state !== "inside" || this.#forcedToken.length > 0) return;
    this.#isEnding = true;
    this.#forceClosing();
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
    // Only a suffix that could begin the closing mark is needed.
    this.#text = this.#text.slice(-close.length);
    this.#forceClosing();
    return "";
  }

  /** Whether the model has begun to write the closing mark. */
  #isClosing(): boolean {
    const { close } = this.#reasoning;
    for (let length = 1; length < close.length; length++) {
      if (this.#text.endsWith(close.slice(0, length))) return true;
    }
    return false;
  }

  #forceClosing(): void {
    const { tokens = Infinity, close } = this.#reasoning;
    if (this.#state !== "inside") return;
    if (!this.#isEnding && this.#reasoningTokens < tokens) return;
    if (this.#isClosing()) return;
    this.#forcedToken = [...this.#tokenText.tokensOf(close)];
  }
}
