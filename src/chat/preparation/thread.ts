import type { ModelInfo } from "../../engine/protocol/mod.ts";
import { ShimmyError } from "../../errors.ts";
import type { HostedThread, ThreadHost } from "./host.ts";
import type { FromThread, ModelTask, SentModel, Task, ToThread } from "./messages.ts";
import type { Phase } from "./prepare.ts";
import { Watchdog } from "./watchdog.ts";

/**
 * Default milliseconds of each part of a task after which the thread is terminated. The budgets inside of
 * the thread end most work earlier; these limits end what they do not count.
 */
export const PHASE_LIMITS: PhaseLimits = {
  start: 30_000,
  json: 15_000,
  template: 8_000,
  format: 15_000,
};

export type PhaseLimits = Readonly<Record<Phase | "start", number>>;

/** Models whose properties a thread keeps. */
const MAX_MODELS = 16;

const numbers = new WeakMap<ModelInfo, number>();
let nextNumber = 1;

/** The task of a thread. */
interface Running {
  receive(message: FromThread): void;
  expire(): void;
  fail(error: Error): void;
}

/** A thread that prepares one request at a time. */
export class PreparationThread implements Disposable {
  readonly #thread: HostedThread;
  #hasStarted = false;
  readonly #models = new Set<number>();
  readonly #watchdog = new Watchdog(() => this.#running?.expire());
  #running: Running | null = null;

  constructor(host: ThreadHost, private readonly limits: PhaseLimits) {
    this.#thread = host.start((detail) =>
      this.#running?.fail(new ShimmyError("backend", "Preparing the request failed", { detail }))
    );
    this.#thread.port.onmessage = ({ data }: MessageEvent<FromThread>) =>
      this.#running?.receive(data);
  }

  /**
   * Runs a task. Resolves to its last message.
   *
   * @param info The model of the task; null for a task without one.
   * @throws {ShimmyError} `invalid` if the task takes too long; the thread must then be ended.
   */
  async run(info: ModelInfo | null, task: Task): Promise<FromThread> {
    const { promise, resolve, reject } = Promise.withResolvers<FromThread>();
    let phase: Phase | "start" = "start";
    const limit = (next: Phase | "start") => {
      phase = next;
      this.#watchdog.set(this.limits[next]);
    };
    const first = task.type === "json" ? "json" : "template";
    limit(this.#hasStarted ? first : "start");
    this.#running = {
      receive: (message) => {
        this.#hasStarted = true;
        if ("phase" in message) limit(message.phase);
        else resolve(message);
      },
      expire: () => reject(tooLong(phase, task, this.limits[phase])),
      fail: reject,
    };
    try {
      const message: ToThread = info === null ? { task } : { model: this.#model(info), task };
      // The text of a large request is not copied.
      const moved = task.type === "json" ? [task.bytes.buffer] : [];
      this.#thread.port.postMessage(message, moved);
      return await promise;
    } finally {
      this.#watchdog.clear();
      this.#running = null;
    }
  }

  #model(info: ModelInfo): SentModel {
    let id = numbers.get(info);
    if (id === undefined) numbers.set(info, id = nextNumber++);
    const isKnown = this.#models.delete(id);
    const oldest = this.#models.values().next();
    this.#models.add(id);
    if (isKnown) return { id };
    if (this.#models.size <= MAX_MODELS || oldest.done) return { id, info };
    this.#models.delete(oldest.value);
    return { id, info, forget: oldest.value };
  }

  /** Ends the thread. A running task fails. */
  [Symbol.dispose](): void {
    this.#watchdog[Symbol.dispose]();
    this.#thread[Symbol.dispose]();
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
  if (task.type === "json") {
    const { field } = task;
    return new ShimmyError("invalid", `${field}: parsing it takes longer than ${seconds}`, {
      field,
    });
  }
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
function fieldOf(task: ModelTask): string {
  if (task.type !== "answer") return "messages";
  const { format, input } = task;
  if ("field" in format && format.field !== undefined) return format.field;
  if (format.type === "json_schema" || format.type === "grammar") return format.type;
  return input.type === "chat" && input.tools.length > 0 ? "tools" : "response_format";
}
