import type { Environment } from "../../environment/mod.ts";
import { Left } from "./message_reader.ts";

/** Passes Ctrl-C, as a signal or as a key, to the running work or to the prompt. */
export class Interrupts implements Disposable {
  readonly #listener: Disposable;
  #running: { readonly controller: AbortController; readonly leave: () => void } | null = null;
  #idle: () => void = () => {};
  /** Another program has the terminal, and gets Ctrl-C itself. */
  #isLent = false;

  constructor(environment: Pick<Environment, "onInterrupt">) {
    this.#listener = environment.onInterrupt(() => this.press());
  }

  /** Ctrl-C was pressed. */
  press(): void {
    if (this.#isLent) return;
    if (this.#running === null) this.#idle();
    else if (this.#running.controller.signal.aborted) this.#running.leave();
    else this.#running.controller.abort();
  }

  /** Sets the handler of interrupts while nothing runs. */
  onIdle(handler: () => void): void {
    this.#idle = handler;
  }

  /** Does work whose signal an interrupt aborts. @throws {Left} after a second interrupt. */
  async during<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController();
    const left = Promise.withResolvers<never>();
    left.promise.catch(() => {});
    this.#running = { controller, leave: () => left.reject(new Left()) };
    try {
      return await Promise.race([work(controller.signal), left.promise]);
    } finally {
      this.#running = null;
    }
  }

  /** Waits for another program that has the terminal, whose interrupts mean nothing here. */
  async lent<T>(work: () => Promise<T>): Promise<T> {
    this.#isLent = true;
    try {
      return await work();
    } finally {
      this.#isLent = false;
    }
  }

  [Symbol.dispose](): void {
    this.#listener[Symbol.dispose]();
  }
}

/** What Ctrl-C means at the prompt. */
export class IdleInterrupts {
  #count = 0;

  /** @returns whether this is the second one without a message between them. */
  press(): boolean {
    return ++this.#count > 1;
  }

  reset(): void {
    this.#count = 0;
  }
}

/** Shown after the first Ctrl-C at the prompt. */
export const LEAVE_HINT = "Press Ctrl-C again, or type /bye, to quit.";
