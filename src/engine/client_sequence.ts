import { ShimmyError } from "../errors.ts";
import type { FlowControl, RunningSequence } from "./engine.ts";
import { type Control, deserializeError, type Edit, type SequenceEvent } from "./protocol/mod.ts";
import type { Sink } from "./sink.ts";

/** A sequence of an engine core: passes its events to a sink, and controls to the core. */
export class ClientSequence implements RunningSequence {
  readonly #sink: Sink<SequenceEvent>;
  readonly #send: (control: Control) => void;
  readonly #edit: (edit: Edit) => Promise<number>;
  #hasEnded = false;
  /** Paused by the caller, and held by the sink. */
  #isPaused = false;
  #isHeld = false;

  constructor(
    sink: Sink<SequenceEvent>,
    send: (control: Control) => void,
    edit: (edit: Edit) => Promise<number>,
  ) {
    this.#sink = sink;
    this.#send = send;
    this.#edit = edit;
  }

  edit(edit: Edit): Promise<number> {
    if (!this.#hasEnded) return this.#edit(edit);
    return Promise.reject(new ShimmyError("not_found", "The answer has ended"));
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  control(control: FlowControl): void {
    if (this.#hasEnded) return;
    const wasStopped = this.#isPaused || this.#isHeld;
    switch (control.type) {
      case "pause":
      case "resume":
        this.#isPaused = control.type === "pause";
        break;
      case "hold":
      case "release":
        this.#isHeld = control.type === "hold";
        break;
      default:
        return this.#send(control);
    }
    const isStopped = this.#isPaused || this.#isHeld;
    if (isStopped !== wasStopped) this.#send({ type: isStopped ? "pause" : "resume" });
  }

  /** Passes on an event from the engine core. A sink that throws ends the sequence. */
  push(event: SequenceEvent): void {
    if (this.#hasEnded) return;
    if (event.type === "error") return this.fail(deserializeError(event.error));
    const isLast = event.type === "done";
    this.#guarded(isLast, () => this.#sink.event(event));
    if (isLast && !this.#hasEnded) this.#end();
  }

  /** The events of a message are complete. */
  flush(): void {
    if (!this.#hasEnded) this.#guarded(false, () => this.#sink.flush());
  }

  #guarded(isLast: boolean, call: () => void): void {
    try {
      call();
    } catch (error) {
      if (!isLast) this.#send({ type: "cancel" });
      this.#end(error);
    }
  }

  fail(error: ShimmyError): void {
    if (!this.#hasEnded) this.#end(error);
  }

  #end(error?: unknown): void {
    this.#hasEnded = true;
    this.#sink.end(error);
  }
}
