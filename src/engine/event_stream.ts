import type { ShimmyError } from "../errors.ts";
import type { RunningSequence } from "./engine.ts";
import { type Control, deserializeError, type SequenceEvent } from "./protocol/mod.ts";

/** Number of unread events at which the sequence is paused, and at which it is resumed. */
const PAUSE_AT = 256;
const RESUME_AT = 64;

/** Queue of the events of one sequence between the engine core and the reader. */
export class SequenceEventStream implements RunningSequence {
  readonly #send: (control: Control) => void;
  #events: SequenceEvent[] = [];
  #error: ShimmyError | null = null;
  #wake: (() => void) | null = null;
  #isDone = false;
  /** Paused by back-pressure, and paused by the caller. */
  #isBackPressured = false;
  #isPaused = false;

  constructor(send: (control: Control) => void) {
    this.#send = send;
  }

  control(control: Control): void {
    if (this.#isDone) return;
    if (control.type === "pause") this.#isPaused = true;
    if (control.type === "resume") {
      this.#isPaused = false;
      if (this.#isBackPressured) return;
    }
    this.#send(control);
  }

  /** Adds an event from the engine core. */
  push(event: SequenceEvent): void {
    if (event.type === "error") return this.fail(deserializeError(event.error));
    this.#events.push(event);
    if (event.type === "done") this.#isDone = true;
    else if (this.#events.length >= PAUSE_AT && !this.#isBackPressured) {
      this.#isBackPressured = true;
      if (!this.#isPaused) this.#send({ type: "pause" });
    }
    this.#wake?.();
  }

  /** Ends the iteration with an error, after the queued events. */
  fail(error: ShimmyError): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#error = error;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<SequenceEvent, void> {
    try {
      while (true) {
        while (this.#events.length > 0) {
          const event = this.#events.shift()!;
          this.#resumeIfDrained();
          yield event;
          if (event.type === "done") return;
        }
        if (this.#error !== null) throw this.#error;
        await new Promise<void>((resolve) => this.#wake = resolve);
        this.#wake = null;
      }
    } finally {
      if (!this.#isDone) this.#send({ type: "cancel" });
      this.#isDone = true;
    }
  }

  #resumeIfDrained(): void {
    if (!this.#isBackPressured || this.#isDone || this.#events.length > RESUME_AT) return;
    this.#isBackPressured = false;
    if (!this.#isPaused) this.#send({ type: "resume" });
  }
}
