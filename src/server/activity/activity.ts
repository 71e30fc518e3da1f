import { ShimmyError } from "../../errors.ts";
import { publicLine } from "./public_line.ts";
import { type PullReport, type PullStatus, RunningPulls } from "./running_pulls.ts";

/** Levels of log lines that are told. Lines of the level `debug` are requests. */
export type LogLevel = "error" | "warn" | "info";

/** A request that ended with a fault of the server. */
export interface FailedRequest {
  readonly requestId: string;
  readonly status: number;
  /** The message that the client got. */
  readonly message: string;
}

/** A request that has ended. */
export interface FinishedRequest {
  readonly requestId: string;
  readonly method: string;
  readonly route: string;
  readonly status: number;
  readonly model: string | null;
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly durationMs: number;
}

/** An event; `time` is in milliseconds since the epoch. */
export type ActivityEvent =
  & { readonly time: number }
  & (
    | { readonly type: "error"; readonly request: FailedRequest }
    /** The message is null where the line names a file or an address. */
    | { readonly type: "log"; readonly level: LogLevel; readonly message: string | null }
    | { readonly type: "request"; readonly request: FinishedRequest }
    | {
      readonly type: "pull";
      readonly model: string;
      readonly outcome: "done" | "cancelled" | "failed";
      readonly error: string | null;
    }
  );

export type ActivityListener = (event: ActivityEvent) => void;

/** Listeners at a time: each costs a connection and a message a second. */
const MAX_LISTENERS = 32;

/** Errors and log lines that are kept for new listeners. */
const MAX_RECENT = 200;

/** `Retry-After` while there are too many listeners, in seconds. */
const RETRY_SECONDS = 10;

/**
 * Tells listeners what happens on a server. Without listeners it keeps the latest errors and log lines and
 * the pulls that run, and nothing else.
 */
export class Activity {
  readonly #listeners = new Set<ActivityListener>();
  readonly #pulls = new RunningPulls();
  readonly #now: () => number;
  #recent: ActivityEvent[] = [];

  /** @param now a clock in milliseconds since the epoch. */
  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** Tells of a request that failed. */
  failed(request: FailedRequest): void {
    this.#keep({ type: "error", time: this.#now(), request });
  }

  /** Tells of a line of the server's log; a line with a path is told without its text. */
  log(level: LogLevel, line: string): void {
    this.#keep({ type: "log", time: this.#now(), level, message: publicLine(line) });
  }

  /** Tells of a request that ended. */
  finished(request: FinishedRequest): void {
    if (this.#listeners.size > 0) this.#tell({ type: "request", time: this.#now(), request });
  }

  /** Tells of a pull, which reports its progress and its end. */
  pull(model: string): PullReport {
    return this.#pulls.begin(
      model,
      (outcome, error) => this.#tell({ type: "pull", time: this.#now(), model, outcome, error }),
    );
  }

  /** The pulls that run. */
  get pulls(): readonly PullStatus[] {
    return this.#pulls.all;
  }

  /** The latest errors and log lines, the oldest first. */
  get recent(): readonly ActivityEvent[] {
    return this.#recent;
  }

  /**
   * Adds a listener.
   *
   * @returns A function that removes it.
   * @throws {ShimmyError} `overloaded` while there are too many.
   */
  listen(listener: ActivityListener): () => void {
    if (this.#listeners.size >= MAX_LISTENERS) {
      throw new ShimmyError(
        "overloaded",
        `The server's events have ${MAX_LISTENERS} listeners, the maximum`,
        { retryAfter: RETRY_SECONDS },
      );
    }
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #keep(event: ActivityEvent): void {
    this.#recent.push(event);
    if (this.#recent.length > MAX_RECENT) this.#recent = this.#recent.slice(-MAX_RECENT / 2);
    this.#tell(event);
  }

  #tell(event: ActivityEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}
