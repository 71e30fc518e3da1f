import type { FromEngineCore, SequenceEvent } from "../protocol/mod.ts";

/** Events of several sequences in one message. */
type Events = Extract<FromEngineCore, { type: "step" }>["events"];

/**
 * Collects the events of sequences, so that tokens that come fast share a message: every message
 * wakes the receiving process, which then works from cold caches.
 *
 * The first token of a sequence and its end are sent at once. A token that follows within the
 * interval waits if the next step is expected to take no longer than the interval, so that tokens
 * slower than the interval do not wait, and no token waits for longer than one.
 */
export class EventBatch {
  readonly #interval: number;
  #events: { id: number; event: SequenceEvent }[] = [];
  /** Sequences whose first token was sent. */
  readonly #begun = new Set<number>();
  #isUrgent = false;
  #sentAt = -Infinity;

  /** @param interval minimum milliseconds between two messages with tokens. */
  constructor(interval: number) {
    this.#interval = interval;
  }

  add(id: number, event: SequenceEvent): void {
    this.#events.push({ id, event });
    if (event.type === "token") {
      if (this.#begun.has(id)) return;
      this.#begun.add(id);
    } else if (event.type !== "prompt") this.#begun.delete(id);
    this.#isUrgent = true;
  }

  /**
   * Takes the events if they are due.
   *
   * @param nextAt time at which the next step is expected to end; infinite if it may take long.
   * @returns null if there is nothing to send now.
   */
  take(now: number, nextAt: number): Events | null {
    if (this.#events.length === 0) return null;
    const isEarly = now < this.#sentAt + this.#interval;
    if (!this.#isUrgent && isEarly && nextAt <= now + this.#interval) return null;
    const events = this.#events;
    this.#events = [];
    this.#isUrgent = false;
    this.#sentAt = now;
    return events;
  }
}
