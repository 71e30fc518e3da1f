import type { Sink } from "../../../../engine/mod.ts";

/**
 * A sink that can be opened and closed. Before it is opened, it keeps the events. When it is opened, it passes
 * the kept events on, and then each event at once. After it is closed, it drops all events.
 */
export class Gate<E> implements Sink<E> {
  readonly #out: Sink<E>;
  /** The kept events; null after the gate was opened or closed. */
  #early: (() => void)[] | null = [];
  #isClosed = false;

  constructor(out: Sink<E>) {
    this.#out = out;
  }

  open(): void {
    const early = this.#early ?? [];
    this.#early = null;
    for (const pass of early) pass();
  }

  /** Drops the kept events and all later ones. */
  close(): void {
    this.#isClosed = true;
    this.#early = null;
  }

  event(event: E): void {
    this.#pass(() => this.#out.event(event));
  }

  flush(): void {
    this.#pass(() => this.#out.flush());
  }

  end(error?: unknown): void {
    this.#pass(() => this.#out.end(error));
  }

  #pass(call: () => void): void {
    if (this.#isClosed) return;
    if (this.#early === null) call();
    else this.#early.push(call);
  }
}
