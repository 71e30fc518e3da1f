import type { ReasoningLimit } from "./protocol.ts";

/** What a token's text is, and the tokens of a text, as the vocabulary has them. */
export interface Wording {
  textOf(token: number): string;
  tokensOf(text: string): readonly number[];
}

/**
 * Ends a model's reasoning when it has taken as many tokens as it may: from then on the tokens of the
 * closing mark are dictated instead of sampled.
 */
export class ReasoningBudget {
  readonly #limit: ReasoningLimit;
  readonly #wording: Wording;
  #state: "before" | "inside" | "after";
  #text = "";
  #spent = 0;
  #dictated: number[] = [];

  constructor(limit: ReasoningLimit, wording: Wording) {
    this.#limit = limit;
    this.#wording = wording;
    this.#state = limit.isOpen ? "inside" : "before";
    this.#dictate();
  }

  /** The token that has to come next, or null where the model may choose. */
  get dictated(): number | null {
    return this.#dictated[0] ?? null;
  }

  /** Takes note of the token that came. */
  see(token: number): void {
    if (this.#state === "after") return;
    if (this.#dictated.length > 0) {
      this.#dictated.shift();
      if (this.#dictated.length === 0) this.#state = "after";
      return;
    }
    this.#text += this.#wording.textOf(token);
    if (this.#state === "before") this.#lookForOpening();
    else this.#lookForEnd();
  }

  #lookForOpening(): void {
    const { open } = this.#limit;
    const begun = this.#text.trimStart();
    if (begun.startsWith(open)) {
      this.#state = "inside";
      this.#text = "";
      this.#dictate();
    } else if (!open.startsWith(begun)) this.#state = "after";
  }

  #lookForEnd(): void {
    if (this.#text.includes(this.#limit.close)) {
      this.#state = "after";
      return;
    }
    this.#spent++;
    // Only an end of the text that could begin the mark matters from here on.
    this.#text = this.#text.slice(-this.#limit.close.length);
    this.#dictate();
  }

  /** Whether the model is about to write the mark itself. */
  #isClosing(): boolean {
    const { close } = this.#limit;
    for (let length = 1; length < close.length; length++) {
      if (this.#text.endsWith(close.slice(0, length))) return true;
    }
    return false;
  }

  #dictate(): void {
    if (this.#state !== "inside" || this.#spent < this.#limit.tokens) return;
    if (this.#isClosing()) return;
    this.#dictated = [...this.#wording.tokensOf(this.#limit.close)];
  }
}
