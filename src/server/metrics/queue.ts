import type { Engine } from "../../engine/mod.ts";
import type { ModelInfo } from "../../engine/protocol/mod.ts";

/** A request's place among those that wait for the same model. */
export interface QueuePlace {
  /** 1: it is the next to begin. */
  readonly position: number;
  /** Milliseconds until it begins, about. */
  readonly estimateMs: number;
}

/** A request that waits. */
export interface Waiting extends QueuePlace {
  readonly requestId: string;
  readonly waitedMs: number;
}

/** One answer in a queue. */
export interface Ticket {
  /** Its place when it came; null where it could begin at once. */
  readonly place: QueuePlace | null;
  /** Its first event has come. */
  begin(): void;
  /** It is over; may be said more than once. */
  leave(): void;
}

/** How much the latest answer counts in the mean duration. */
const WEIGHT = 0.3;

interface Entry {
  readonly requestId: string;
  readonly entered: number;
  /** When it came to be among those that run. */
  started: number | null;
}

/**
 * The answers of one model, as the server sees them: as many run as the engine has sequences, the
 * others wait in the order in which they came. The engine may choose another order among those that
 * wait (short prompts, priorities), so a place is an estimate; asking it for every request would cost
 * more than the estimate is worth.
 */
export class Queue {
  readonly #parallel: number;
  readonly #now: () => number;
  readonly #entries = new Set<Entry>();
  /** Milliseconds an answer takes; null before the first has ended. */
  #mean: number | null = null;

  /** @param now milliseconds; a test's clock. */
  constructor(parallel: number, now: () => number = () => performance.now()) {
    this.#parallel = parallel;
    this.#now = now;
  }

  enter(requestId: string): Ticket {
    const entry: Entry = { requestId, entered: this.#now(), started: null };
    this.#entries.add(entry);
    this.#promote();
    const position = entry.started === null ? this.#waiting.length : 0;
    return {
      place: position === 0 ? null : { position, estimateMs: this.#estimate(position) },
      begin: () => {
        entry.started ??= this.#now();
      },
      leave: () => this.#leave(entry),
    };
  }

  /** Answers that run, those that wait, and how long one that came now would wait. */
  status(): {
    readonly running: number;
    readonly waiting: readonly Waiting[];
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

  /** Lets those run that came first. */
  #promote(): void {
    const waiting = this.#waiting;
    const free = this.#parallel - (this.#entries.size - waiting.length);
    for (const entry of waiting.slice(0, Math.max(0, free))) entry.started = this.#now();
  }

  #leave(entry: Entry): void {
    if (!this.#entries.delete(entry)) return;
    if (entry.started !== null) {
      const took = this.#now() - entry.started;
      this.#mean = this.#mean === null ? took : this.#mean * (1 - WEIGHT) + took * WEIGHT;
    }
    this.#promote();
  }

  /** With `parallel` answers at a time one ends every `mean / parallel`, on average. */
  #estimate(position: number): number {
    return Math.round(position * (this.#mean ?? this.#longest()) / this.#parallel);
  }

  /** Before any has ended, those that run are taken to need as long again as they have. */
  #longest(): number {
    const now = this.#now();
    return Math.max(0, ...[...this.#entries].map(({ started }) => now - (started ?? now)));
  }
}

/** An engine's facts are one object for as long as it lives, also where something stands before it. */
const queues = new WeakMap<ModelInfo, Queue>();

/** The queue of an engine. */
export function queueOf({ info }: Pick<Engine, "info">): Queue {
  const known = queues.get(info);
  if (known !== undefined) return known;
  const queue = new Queue(info.parallel);
  queues.set(info, queue);
  return queue;
}

/** Headers that tell a client that its request had to wait. */
export function queueHeaders(place: QueuePlace | null): [name: string, value: string][] {
  if (place === null) return [];
  return [
    ["x-shimmy-queue-position", String(place.position)],
    ["x-shimmy-queue-estimate-ms", String(place.estimateMs)],
  ];
}
