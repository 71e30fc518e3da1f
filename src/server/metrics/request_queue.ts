import type { Engine } from "../../engine/mod.ts";

/** The place of a request in the queue of its model. */
export interface QueuePlace {
  /** 1 is the next request to start. */
  readonly position: number;
  /** Estimated milliseconds until it starts. */
  readonly estimateMs: number;
}

/** A waiting request. */
export interface WaitingRequest extends QueuePlace {
  readonly requestId: string;
  readonly waitedMs: number;
}

/** A request in the queue or running. */
export interface QueuedRequest {
  /** Its place on arrival; null when it started at once. */
  readonly place: QueuePlace | null;
  /** Marks the request as running: its first event arrived. */
  started(): void;
  /** Removes the request; may be called more than once. */
  remove(): void;
}

/** Weight of the latest duration in the moving mean. */
const WEIGHT = 0.3;

interface Entry {
  readonly requestId: string;
  readonly entered: number;
  /** Null while the request waits. */
  started: number | null;
}

/**
 * The requests of one model from the server's view: as many run as the engine has sequences, the others
 * wait in order of arrival. The scheduler of the engine may choose another order (short prompts,
 * priorities), so a place is an estimate; a query to the engine per request would cost more.
 */
export class RequestQueue {
  #parallel: number;
  readonly #now: () => number;
  readonly #entries = new Set<Entry>();
  /** Mean duration in milliseconds; null before the first request has ended. */
  #mean: number | null = null;

  /** @param now a clock in milliseconds. */
  constructor(parallel: number, now: () => number = () => performance.now()) {
    this.#parallel = parallel;
    this.#now = now;
  }

  /** Sets the number of requests that run at once: a context of another shape may have another one. */
  setParallel(parallel: number): void {
    this.#parallel = parallel;
    this.#promote();
  }

  add(requestId: string): QueuedRequest {
    const entry: Entry = { requestId, entered: this.#now(), started: null };
    this.#entries.add(entry);
    this.#promote();
    const position = entry.started === null ? this.#waiting.length : 0;
    return {
      place: position === 0 ? null : { position, estimateMs: this.#estimate(position) },
      started: () => {
        entry.started ??= this.#now();
      },
      remove: () => this.#remove(entry),
    };
  }

  /** Running and waiting requests, and the estimated wait of a new request. */
  status(): {
    readonly running: number;
    readonly waiting: readonly WaitingRequest[];
    readonly estimateMs: number;
  } {
    const waiting = this.#waiting;
    const running = this.#entries.size - waiting.length;
    return {
      running,
      waiting: waiting.map(({ requestId, entered }, index) => ({
        requestId,
        position: index + 1,
        estimateMs: this.#estimate(index + 1),
        waitedMs: Math.round(this.#now() - entered),
      })),
      estimateMs: running < this.#parallel ? 0 : this.#estimate(waiting.length + 1),
    };
  }

  get #waiting(): Entry[] {
    return [...this.#entries].filter(({ started }) => started === null);
  }

  /** Starts waiting requests in order of arrival while sequences are free. */
  #promote(): void {
    const waiting = this.#waiting;
    const free = this.#parallel - (this.#entries.size - waiting.length);
    for (const entry of waiting.slice(0, Math.max(0, free))) entry.started = this.#now();
  }

  #remove(entry: Entry): void {
    if (!this.#entries.delete(entry)) return;
    if (entry.started !== null) {
      const took = this.#now() - entry.started;
      this.#mean = this.#mean === null ? took : this.#mean * (1 - WEIGHT) + took * WEIGHT;
    }
    this.#promote();
  }

  /** With `parallel` requests at a time, one ends every `mean / parallel` on average. */
  #estimate(position: number): number {
    return Math.round(position * (this.#mean ?? this.#longest()) / this.#parallel);
  }

  /** Before any request has ended: running requests are assumed to need their elapsed time again. */
  #longest(): number {
    const now = this.#now();
    return Math.max(0, ...[...this.#entries].map(({ started }) => now - (started ?? now)));
  }
}

/** `closed` is one promise for the lifetime of an engine, and its wrappers have the same. */
const queues = new WeakMap<Engine["closed"], RequestQueue>();

/** The queue of an engine. */
export function queueOf({ info, closed }: Pick<Engine, "info" | "closed">): RequestQueue {
  const known = queues.get(closed);
  if (known !== undefined) {
    known.setParallel(info.parallel);
    return known;
  }
  const queue = new RequestQueue(info.parallel);
  queues.set(closed, queue);
  return queue;
}

/** Response headers of a request that had to wait. */
export function queueHeaders(place: QueuePlace | null): [name: string, value: string][] {
  if (place === null) return [];
  return [
    ["x-shimmy-queue-position", String(place.position)],
    ["x-shimmy-queue-estimate-ms", String(place.estimateMs)],
  ];
}
