import type { FlowControl } from "./engine.ts";
import type { Sink } from "./sink.ts";

/** Number of unread events at which the source is held, and at which it is released. */
const HOLD_AT = 256;
const RELEASE_AT = 64;

/** A running source of events that accepts controls. */
interface Source {
  control(control: FlowControl): void;
}

/** Events of a source as an iteration. */
class EventQueue<E> implements Sink<E> {
  source: Source | null = null;
  #events: E[] = [];
  #outcome: { readonly error: unknown } | null = null;
  #wake = () => {};
  #isHeld = false;

  event(event: E): void {
    this.#events.push(event);
    if (this.#events.length >= HOLD_AT) this.#hold(true);
  }

  flush(): void {
    this.#wake();
  }

  end(error?: unknown): void {
    this.#outcome = { error };
    this.#wake();
  }

  async *read(): AsyncGenerator<E, void> {
    while (true) {
      while (this.#events.length > 0) {
        const event = this.#events.shift()!;
        if (this.#events.length <= RELEASE_AT) this.#hold(false);
        yield event;
      }
      if (this.#outcome !== null) break;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    if (this.#outcome.error !== undefined) throw this.#outcome.error;
  }

  cancel(): void {
    if (this.#outcome === null) this.source?.control({ type: "cancel" });
  }

  #hold(isHeld: boolean): void {
    if (isHeld === this.#isHeld) return;
    this.#isHeld = isHeld;
    this.source?.control({ type: isHeld ? "hold" : "release" });
  }
}

/**
 * Starts a source and iterates its events. Ending the iteration early cancels the source. A slow
 * reader holds the source.
 *
 * @param start starts the source with a sink, which it calls only later.
 */
export function iterateEvents<E, S extends Source>(
  start: (sink: Sink<E>) => S,
): S & AsyncIterable<E> {
  const queue = new EventQueue<E>();
  const source = start(queue);
  queue.source = source;
  const events = queue.read();
  return Object.assign(source, {
    [Symbol.asyncIterator]: () => ({
      next: () => events.next(),
      // `return` of a generator that waits for an event would take effect only after that event.
      return: async () => {
        queue.cancel();
        await events.return();
        return { done: true as const, value: undefined };
      },
    }),
  });
}
