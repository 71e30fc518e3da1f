import type { Sink } from "../../engine/mod.ts";
import { ShimmyError } from "../../errors.ts";
import { Shares } from "../access/mod.ts";
import { HttpError } from "../http/mod.ts";

/** Maximum bytes of the events of one response; the oldest are dropped. */
const LOG_BYTES = 2 * 1024 * 1024;

/** Maximum bytes of the events of all responses that have ended. */
const ENDED_BYTES = 16 * 1024 * 1024;

/** Milliseconds for which the events of a response are kept after its end. */
const KEPT_MS = 60_000;

/** An event of a response and its number, from 1. */
export interface Numbered<T> {
  /** 0 for an event that cannot be asked for. */
  readonly number: number;
  readonly event: T;
}

/** A log whose response has ended. */
interface EndedLog {
  readonly owner: string | undefined;
  readonly endedAt: number;
  readonly bytes: number;
  clear(): void;
}

/** Logs of responses that have ended, the oldest first. */
const ended = new Set<EndedLog>();
const endedBytes = new Shares<string | undefined>();

/** Frees logs that are too old, and above the limit the oldest ones of the client with the most. */
function forget(): void {
  const now = performance.now();
  for (const log of ended) {
    if (now - log.endedAt < KEPT_MS) break;
    free(log);
  }
  while (endedBytes.total > ENDED_BYTES) {
    const owner = endedBytes.largest;
    for (const log of ended) {
      if (log.owner !== owner) continue;
      free(log);
      break;
    }
  }
}

function free(log: EndedLog): void {
  ended.delete(log);
  endedBytes.add(log.owner, -log.bytes);
  log.clear();
}

/**
 * The events of a response. Passes each event on, and keeps it for readers that take the response up again
 * while it runs and for a time after its end.
 */
export class EventLog<T> implements Sink<T> {
  readonly #out: Sink<Numbered<T>>;
  readonly #sizeOf: (event: T) => number;
  readonly #readers = new Set<Reader<T>>();
  #events: Numbered<T>[] = [];
  #last = 0;
  #isGone = false;
  #outcome: { readonly error: unknown } | null = null;
  /** Bytes of the events, about. */
  bytes = 0;
  endedAt = Infinity;

  /**
   * @param sizeOf bytes of an event, about
   * @param owner the client whose response it is; those of unknown clients count as one client's
   */
  constructor(
    out: Sink<Numbered<T>>,
    sizeOf: (event: T) => number,
    readonly owner: string | undefined = undefined,
  ) {
    this.#out = out;
    this.#sizeOf = sizeOf;
    forget();
  }

  event(event: T): void {
    const numbered = { number: ++this.#last, event };
    this.#events.push(numbered);
    this.bytes += this.#sizeOf(event);
    if (this.bytes > LOG_BYTES) this.#dropOldest();
    this.#out.event(numbered);
  }

  flush(): void {
    this.#out.flush();
    for (const reader of this.#readers) reader.pump();
  }

  end(error?: unknown): void {
    this.#outcome = { error };
    this.endedAt = performance.now();
    ended.add(this);
    endedBytes.add(this.owner, this.bytes);
    this.#out.end(error);
    for (const reader of this.#readers) reader.pump();
    forget();
  }

  /** Drops a half, so that events are not moved for every new one. */
  #dropOldest(): void {
    let dropped = 0;
    while (this.bytes > LOG_BYTES / 2) this.bytes -= this.#sizeOf(this.#events[dropped++]!.event);
    this.#events.splice(0, dropped);
  }

  /** Frees the events. */
  clear(): void {
    this.#isGone = true;
    this.#events = [];
    this.bytes = 0;
  }

  /** Number of the latest event. */
  get last(): number {
    return this.#last;
  }

  /** Null while events may follow. */
  get outcome(): { readonly error: unknown } | null {
    return this.#outcome;
  }

  /**
   * The events after one with a number.
   * @throws {HttpError} 404 if they were kept too long; 410 if the next ones were dropped.
   * @throws {ShimmyError} `invalid` for a number that no event has: its reader would wait for ever.
   */
  after(number: number): readonly Numbered<T>[] {
    if (this.#isGone) throw new HttpError(404, "The events of this answer are no longer kept");
    if (number > this.#last) {
      const message = `Last-Event-ID: must be at most ${this.#last}, not ${number}`;
      throw new ShimmyError("invalid", message, { field: "Last-Event-ID" });
    }
    const first = this.#last - this.#events.length + 1;
    if (number + 1 < first) {
      throw new HttpError(410, `Events ${number + 1} to ${first - 1} are no longer kept`);
    }
    return this.#events.slice(number + 1 - first);
  }

  /** Passes the events after one with a number, and those to come, to a sink. */
  read(after: number, sink: Sink<Numbered<T>>): Reader<T> {
    const reader = new Reader(this, after, sink, () => this.#readers.delete(reader));
    this.#readers.add(reader);
    return reader;
  }
}

/** A reader of a log at its own pace. */
export class Reader<T> {
  readonly #log: EventLog<T>;
  readonly #sink: Sink<Numbered<T>>;
  readonly #leave: () => void;
  #number: number;
  #isHeld = false;
  #hasEnded = false;

  constructor(log: EventLog<T>, after: number, sink: Sink<Numbered<T>>, leave: () => void) {
    this.#log = log;
    this.#number = after;
    this.#sink = sink;
    this.#leave = leave;
  }

  /** Passes on the events that have come. */
  pump(): void {
    if (this.#isHeld || this.#hasEnded) return;
    try {
      for (const numbered of this.#log.after(this.#number)) {
        this.#number = numbered.number;
        this.#sink.event(numbered);
      }
      this.#sink.flush();
    } catch (error) {
      return this.end(error);
    }
    const { outcome, last } = this.#log;
    if (outcome !== null && this.#number === last) this.end(outcome.error);
  }

  /** Back pressure of the client. */
  hold(isHeld: boolean): void {
    this.#isHeld = isHeld;
    this.pump();
  }

  end(error?: unknown): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#leave();
    this.#sink.end(error);
  }
}
