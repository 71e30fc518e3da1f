import type { AnswerEvent } from "../../../chat/mod.ts";
import type { AnswerView } from "./answer_view.ts";

/** A part of the output for one of several answers. */
interface Shown {
  readonly view: AnswerView;
  /** What has come of an answer that is not shown yet. */
  readonly held: AnswerEvent[];
  hasEnded: boolean;
}

/**
 * Shows several answers that stream at once, one below the other: the first one that has not ended streams,
 * and the later ones follow with what they have by then.
 */
export class AnswersInOrder {
  readonly #answers: readonly Shown[];
  readonly #begin: (number: number) => Promise<void> | void;
  #current = 0;
  /** Output is written in order, though events come while some is being written. */
  #writing: Promise<void> = Promise.resolve();
  #hasBegun = false;

  /** @param begin shows the heading of an answer, by its number from 0. */
  constructor(views: readonly AnswerView[], begin: (number: number) => Promise<void> | void) {
    this.#answers = views.map((view) => ({ view, held: [], hasEnded: false }));
    this.#begin = begin;
  }

  /** Resolves when the event is shown or held. */
  event(number: number, event: AnswerEvent): Promise<void> {
    return this.#after(async () => {
      const answer = this.#answers[number]!;
      answer.held.push(event);
      if (event.type === "done") answer.hasEnded = true;
      await this.#show();
    });
  }

  /** Shows what is left, also of answers that have not ended. */
  end(): Promise<void> {
    return this.#after(async () => {
      for (const answer of this.#answers) answer.hasEnded = true;
      await this.#show();
    });
  }

  #after(work: () => Promise<void>): Promise<void> {
    const done = this.#writing.then(work);
    // The caller sees the error.
    this.#writing = done.catch(() => {});
    return done;
  }

  async #show(): Promise<void> {
    for (; this.#current < this.#answers.length; this.#current++, this.#hasBegun = false) {
      const { view, held, hasEnded } = this.#answers[this.#current]!;
      if (!this.#hasBegun && held.length > 0) {
        this.#hasBegun = true;
        await this.#begin(this.#current);
      }
      for (const event of held.splice(0)) await view.event(event);
      if (!hasEnded) return;
      if (this.#hasBegun) await view.end();
    }
  }
}
