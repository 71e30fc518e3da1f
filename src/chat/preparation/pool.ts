import { deserializeError, type ModelInfo, type PromptPart } from "../../engine/protocol/mod.ts";
import { ShimmyError } from "../../errors.ts";
import { SerialQueue } from "../../serial_queue.ts";
import type { Format, Input } from "../conversation/mod.ts";
import { ThreadHost } from "./host.ts";
import { fromMessage, type FromThread, type Task } from "./messages.ts";
import { type JsonParser, prepareAnswer, type PreparedAnswer, type Preparer } from "./prepare.ts";
import { checkMessagesLength } from "./prompt_length.ts";
import { RefusedTemplates } from "./refused_templates.ts";
import { PHASE_LIMITS, type PhaseLimits, PreparationThread } from "./thread.ts";

/** Threads that work at the same time. The others start when a task waits behind a long one. */
const MAX_THREADS = 3;
/** Milliseconds that a task waits before another thread starts. Most tasks take less than one. */
const PATIENCE_MS = 20;
/** Milliseconds after which a thread in addition to the first one ends. */
const IDLE_MS = 10_000;
/** Maximum number of waiting tasks. */
const MAX_WAITING = 1024;
/** Seconds after which a client may try again. */
const RETRY_AFTER = 2;

type Timer = ReturnType<typeof setTimeout>;

interface Job {
  /** Null for a task without a model. */
  readonly info: ModelInfo | null;
  readonly task: Task;
  readonly resolve: (message: FromThread) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Prepares requests in threads of this process. A thread whose task exceeds its budget is
 * terminated, which returns its memory; only that request fails.
 */
export class PreparationPool implements Preparer, JsonParser, Disposable {
  #host: ThreadHost | null = null;
  readonly #waiting: Job[] = [];
  readonly #idle: PreparationThread[] = [];
  readonly #threads = new Set<PreparationThread>();
  readonly #idleTimers = new Map<PreparationThread, Timer>();
  #patience: Timer | null = null;
  #isClosed = false;
  readonly #limits: PhaseLimits;
  readonly #refused = new RefusedTemplates();
  /** Large requests. */
  readonly #json = new SerialQueue();

  constructor(limits: Partial<PhaseLimits> = {}) {
    this.#limits = { ...PHASE_LIMITS, ...limits };
  }

  /** Starts the first thread, so that the first request does not wait for it. */
  warm(): void {
    if (this.#threads.size === 0 && !this.#isClosed) this.#idle.push(this.#start());
  }

  async answer(info: ModelInfo, input: Input, format: Format): Promise<PreparedAnswer> {
    // A prompt without a template and without a grammar is no work.
    if (input.type !== "chat" && format.type === "text") {
      return await prepareAnswer(info, input, format);
    }
    checkMessagesLength(info, input);
    const message = await this.#run(info, { type: "answer", input, format });
    if (!("answer" in message)) throw new TypeError("The thread answered another task");
    return fromMessage(message.answer, input);
  }

  async prompt(info: ModelInfo, input: Input): Promise<readonly PromptPart[]> {
    // A text has no template, and its tokens need not be copied.
    if (input.type === "text") return [{ text: input.text, special: true }];
    if (input.type === "tokens") return [{ tokens: input.tokens }];
    const message = await this.#run(info, { type: "prompt", input });
    if (!("prompt" in message)) throw new TypeError("The thread answered another task");
    return message.prompt;
  }

  /** Large requests are parsed one after the other, so that this thread does not receive several at once. */
  async json(bytes: Uint8Array<ArrayBuffer>, field: string): Promise<unknown> {
    const message = await this.#json.run(() => this.#run(null, { type: "json", bytes, field }));
    if (!("json" in message)) throw new TypeError("The thread answered another task");
    return message.json;
  }

  async #run(info: ModelInfo | null, task: Task): Promise<FromThread> {
    if (this.#isClosed) throw closed();
    this.#checkTemplate({ info, task });
    if (this.#waiting.length >= MAX_WAITING) {
      throw new ShimmyError("overloaded", "Too many requests wait for their preparation", {
        retryAfter: RETRY_AFTER,
      });
    }
    return await new Promise((resolve, reject) => {
      this.#waiting.push({ info, task, resolve, reject });
      this.#dispatch();
    });
  }

  /** Gives waiting tasks to idle threads, and starts a thread if all others are busy for long. */
  #dispatch(): void {
    while (this.#waiting.length > 0) {
      // The latest thread is warm, and the others may end.
      const thread = this.#idle.pop() ?? (this.#threads.size === 0 ? this.#start() : null);
      if (thread === null) break;
      this.#keep(thread);
      void this.#work(thread, this.#waiting.shift()!);
    }
    if (this.#waiting.length === 0 || this.#patience !== null) return;
    if (this.#threads.size >= MAX_THREADS) return;
    this.#patience = setTimeout(() => {
      this.#patience = null;
      if (this.#waiting.length === 0 || this.#isClosed) return;
      this.#idle.push(this.#start());
      this.#dispatch();
    }, PATIENCE_MS);
  }

  #start(): PreparationThread {
    const thread = new PreparationThread(this.#host ??= new ThreadHost(), this.#limits);
    this.#threads.add(thread);
    return thread;
  }

  async #work(thread: PreparationThread, job: Job): Promise<void> {
    try {
      const message = await thread.run(job.info, job.task);
      if ("isLarge" in message && message.isLarge) this.#end(thread);
      if ("error" in message) this.#fail(job, message);
      else job.resolve(message);
    } catch (error) {
      this.#end(thread);
      job.reject(error as Error);
    }
    if (this.#isClosed) return;
    if (this.#threads.has(thread)) this.#release(thread);
    else this.warm();
    this.#dispatch();
  }

  #fail(job: Job, { error, unusable }: Extract<FromThread, { error: unknown }>): void {
    job.reject(deserializeError(error));
    if (unusable === undefined) return;
    this.#refused.add(unusable, error);
    // Others with the same template wait.
    for (const waiting of this.#waiting.splice(0)) {
      try {
        this.#checkTemplate(waiting);
        this.#waiting.push(waiting);
      } catch (error) {
        waiting.reject(error as Error);
      }
    }
  }

  #checkTemplate({ info, task }: Pick<Job, "info" | "task">): void {
    if (info !== null && task.type !== "json") this.#refused.check(info, task.input);
  }

  #release(thread: PreparationThread): void {
    this.#idle.push(thread);
    if (this.#threads.size === 1) return;
    const timer = setTimeout(() => {
      if (this.#threads.size > 1) this.#end(thread);
    }, IDLE_MS);
    Deno.unrefTimer(Number(timer));
    this.#idleTimers.set(thread, timer);
  }

  #keep(thread: PreparationThread): void {
    clearTimeout(this.#idleTimers.get(thread));
    this.#idleTimers.delete(thread);
  }

  #end(thread: PreparationThread): void {
    this.#keep(thread);
    this.#threads.delete(thread);
    const index = this.#idle.indexOf(thread);
    if (index >= 0) this.#idle.splice(index, 1);
    thread[Symbol.dispose]();
  }

  /** Ends all threads. Running and waiting tasks fail. */
  [Symbol.dispose](): void {
    this.#isClosed = true;
    clearTimeout(this.#patience ?? undefined);
    for (const job of this.#waiting.splice(0)) job.reject(closed());
    for (const thread of [...this.#threads]) this.#end(thread);
    this.#host?.[Symbol.dispose]();
  }
}

function closed(): ShimmyError {
  return new ShimmyError("cancelled", "The server is shutting down");
}
