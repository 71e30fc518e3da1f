import type { ReasoningStage } from "../sampling/mod.ts";
import { type Piece, StopMatcher, Utf8Stream } from "../tokenizer/mod.ts";

/** Text that can be shown, and the stop string if one was found. */
interface Matched {
  readonly text: string;
  readonly stop: string | null;
}

/** Where a sequence is after a token of its answer. */
export interface AnswerPlace {
  readonly stage: ReasoningStage;
  /** Text after the closing mark, if the token ended the reasoning. */
  readonly beyondReasoning: string;
}

/** The text of an answer, from the bytes of its tokens up to its stop string. */
export class AnswerText {
  readonly #utf8 = new Utf8Stream();
  readonly #stops: AnswerStops;

  /** @param stage Where the first token stands. */
  constructor(stops: readonly string[], stage: ReasoningStage) {
    this.#stops = new AnswerStops(stops, stage);
  }

  push({ bytes, text }: Piece, { stage, beyondReasoning }: AnswerPlace): Matched {
    return this.#stops.push(this.#utf8.push(bytes, text), stage, beyondReasoning);
  }

  /** Returns all text that is held back. */
  end(): Matched {
    return this.#stops.end(this.#utf8.flush());
  }
}

/** Finds stop strings in the answer. They do not apply to the reasoning before the answer. */
export class AnswerStops {
  readonly #matcher: StopMatcher | null;
  #stage: ReasoningStage;
  /** Text that may be the opening mark of the reasoning. */
  #undecided = "";

  /** @param stage Where the first token stands. */
  constructor(stops: readonly string[], stage: ReasoningStage) {
    this.#matcher = stops.length === 0 ? null : new StopMatcher(stops);
    this.#stage = stage;
  }

  /**
   * Adds the text of a token.
   *
   * @param stage Where the sequence is after the token.
   * @param beyond The end of the text, if the token ended the reasoning and the answer begins in it.
   */
  push(piece: string, stage: ReasoningStage, beyond: string): Matched {
    if (this.#matcher === null) return { text: piece, stop: null };
    const endsReasoning = this.#stage === "inside" && stage === "after";
    this.#stage = stage;
    const text = this.#undecided + piece;
    this.#undecided = stage === "before" ? text : "";
    if (stage === "before") return { text: "", stop: null };
    if (stage === "inside") return { text, stop: null };
    if (!endsReasoning) return this.#matcher.push(text);
    const answer = text.endsWith(beyond) ? beyond : "";
    const matched = this.#matcher.push(answer);
    return { ...matched, text: text.slice(0, text.length - answer.length) + matched.text };
  }

  /** Adds the last text and returns all text that is held back. */
  end(piece: string): Matched {
    if (this.#matcher === null || this.#stage === "inside") return { text: piece, stop: null };
    const { text, stop } = this.#matcher.push(this.#undecided + piece);
    this.#undecided = "";
    return { text: text + this.#matcher.flush(), stop };
  }
}
