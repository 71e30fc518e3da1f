import type { Sink } from "../../../../engine/mod.ts";

/** Passes events on once it is open, with those that came before, until it is closed. */
export class Gate<E> implements Sink<E> {
  readonly #out: Sink<E>;
  /** What came before it was opened; null after that. */
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

  /** Drops all that follows. */
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
