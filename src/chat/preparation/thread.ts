import type { ModelInfo } from "../../engine/protocol/mod.ts";
import { ShimmyError } from "../../errors.ts";
import { startOwnThread } from "../../own_thread.ts";
import type { FromThread, Task, ToThread } from "./messages.ts";
import type { Phase } from "./prepare.ts";

/** Name of preparation threads, by which the main module recognises them. */
export const PREPARATION_THREAD = "shimmy-preparation";

/**
 * Default milliseconds of each part of a task after which the thread is terminated. The budgets inside of
 * the thread end most work earlier; these limits end what they do not count.
 */
export const PHASE_LIMITS: PhaseLimits = { start: 30_000, template: 8_000, format: 15_000 };

export type PhaseLimits = Readonly<Record<Phase | "start", number>>;

/** Models whose properties a thread keeps. */
const MAX_MODELS = 16;

const numbers = new WeakMap<ModelInfo, number>();
let nextNumber = 1;

/** A Worker that prepares one request at a time. */
export class PreparationThread implements Disposable {
  readonly #worker = startOwnThread(
    PREPARATION_THREAD,
    new URL("./thread_main.ts", import.meta.url),
  );
  #hasStarted = false;
  readonly #models = new Set<number>();
  #running: { receive(message: FromThread): void; fail(error: Error): void } | null = null;

  constructor(private readonly limits: PhaseLimits) {
    this.#worker.onmessage = ({ data }: MessageEvent<FromThread>) => this.#running?.receive(data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#running?.fail(
        new ShimmyError("backend", "Preparing the request failed", { detail: event.message }),
      );
    };
  }

  /**
   * Runs a task. Resolves to its last message.
   *
   * @throws {ShimmyError} `invalid` if the task takes too long; the thread must then be ended.
   */
  async run(info: ModelInfo, task: Task): Promise<FromThread> {
    const { promise, resolve, reject } = Promise.withResolvers<FromThread>();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const limit = (phase: Phase | "start") => {
      clearTimeout(timer);
      timer = setTimeout(
        () => reject(tooLong(phase, task, this.limits[phase])),
        this.limits[phase],
      );
    };
    limit(this.#hasStarted ? "template" : "start");
    this.#running = {
      receive: (message) => {
        this.#hasStarted = true;
        if ("phase" in message) limit(message.phase);
        else resolve(message);
      },
      fail: reject,
    };
    try {
      this.#worker.postMessage(this.#message(info, task));
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#running = null;
    }
  }

  #message(info: ModelInfo, task: Task): ToThread {
    let model = numbers.get(info);
    if (model === undefined) numbers.set(info, model = nextNumber++);
    const isKnown = this.#models.delete(model);
    const oldest = this.#models.values().next();
    this.#models.add(model);
    if (isKnown) return { model, task };
    if (this.#models.size <= MAX_MODELS || oldest.done) return { model, info, task };
    this.#models.delete(oldest.value);
    return { model, info, forget: oldest.value, task };
  }

  /** Ends the thread. A running task fails. */
  [Symbol.dispose](): void {
    this.#worker.terminate();
    this.#running?.fail(new ShimmyError("cancelled", "The server is shutting down"));
  }
}

function tooLong(phase: Phase | "start", task: Task, milliseconds: number): ShimmyError {
  if (phase === "start") {
    return new ShimmyError("overloaded", "The server is too busy to prepare the request", {
      retryAfter: 2,
    });
  }
  const seconds = `${milliseconds / 1000} s`;
  if (phase === "template") {
    const what = `messages: rendering the model's chat template takes longer than ${seconds}`;
    return new ShimmyError("invalid", what, { field: "messages" });
  }
  const field = fieldOf(task);
  return new ShimmyError("invalid", `${field}: compiling it takes longer than ${seconds}`, {
    field,
  });
}

/** The field of a request that a long compilation is about. */
function fieldOf(task: Task): string {
  if (task.type !== "answer") return "messages";
  const { format, input } = task;
  if ("field" in format && format.field !== undefined) return format.field;
  if (format.type === "json_schema" || format.type === "grammar") return format.type;
  return input.type === "chat" && input.tools.length > 0 ? "tools" : "response_format";
}
