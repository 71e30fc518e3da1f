import type { AnswerEvent } from "../../chat/mod.ts";
import { Transform } from "../../engine/mod.ts";

/** The last event of an answer. */
export type DoneEvent = Extract<AnswerEvent, { type: "done" }>;

/** An answer of several parts: after a part, `goesOn` may start the next one, with this as its sink. */
export abstract class ContinuedAnswer<Out> extends Transform<AnswerEvent, Out> {
  #done: DoneEvent | null = null;

  /** Takes an event of a part other than the last one. */
  protected abstract take(event: Exclude<AnswerEvent, DoneEvent>): void;

  /** Ends a part and starts the next one; false, with the last events passed on, if the answer ends. */
  protected abstract goesOn(done: DoneEvent): boolean;

  override event(event: AnswerEvent): void {
    if (event.type === "done") this.#done = event;
    else this.take(event);
  }

  override end(error?: unknown): void {
    const done = this.#done;
    this.#done = null;
    if (error !== undefined || done === null) return this.out.end(error);
    try {
      if (this.goesOn(done)) return;
    } catch (thrown) {
      return this.out.end(thrown);
    }
    this.out.end();
  }
}
