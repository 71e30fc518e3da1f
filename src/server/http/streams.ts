/** One event of a `text/event-stream`. */
export interface ServerSentEvent {
  readonly event?: string;
  /** Each line becomes a `data:` line of its own, as the format requires. */
  readonly data: string;
}

const encoder = new TextEncoder();

/**
 * The bytes of an event. `ServerSentEventStream` of `@std/http` writes `data:x` where the APIs that
 * Shimmy implements write `data: x`, and adds a transform stream to the path of every token.
 */
function encodeEvent({ event, data }: ServerSentEvent): Uint8Array {
  const name = event === undefined ? "" : `event: ${event}\n`;
  const lines = data.split(/\r\n|\r|\n/).map((line) => `data: ${line}\n`).join("");
  return encoder.encode(`${name}${lines}\n`);
}

interface StreamOptions<T> {
  readonly encode: (value: T) => Uint8Array;
  readonly headers?: HeadersInit;
  /** Sent after each `ms` without a value; absent when the format has no comments. */
  readonly keepAlive?: { readonly ms: number; readonly bytes: Uint8Array };
}

/** Callbacks for the end of a streamed response. */
export interface StreamObserver {
  /**
   * The client disconnected before the response ended. A generator that awaits its next value handles
   * `return()` only after that value, so the producer of the values must be cancelled from here.
   */
  readonly cancelled: () => void;
  /** The iterator of the values has ended, for whatever reason. */
  readonly ended: () => void;
}

/** Observers of the responses that this module made. */
const observers = new WeakMap<Response, { observer: StreamObserver }>();

/** Observes a response made by this module. False for any other response: its body is complete. */
export function observeStream(response: Response, observer: StreamObserver): boolean {
  const slot = observers.get(response);
  if (slot !== undefined) slot.observer = observer;
  return slot !== undefined;
}

/**
 * A response that pulls from `values` only as fast as the client reads, and calls the iterator's
 * `return()` when the client disconnects.
 */
function streamResponse<T>(
  values: AsyncIterable<T>,
  contentType: string,
  options: StreamOptions<T>,
): Response {
  const iterator = values[Symbol.asyncIterator]();
  const { encode, keepAlive } = options;
  const timer = keepAlive === undefined ? null : new IdleTimer(keepAlive.ms);
  let pending: Promise<IteratorResult<T>> | null = null;
  const slot: { observer: StreamObserver } = { observer: { cancelled() {}, ended() {} } };
  let hasEnded = false;
  const end = () => {
    if (!hasEnded) slot.observer.ended();
    hasEnded = true;
  };
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      pending ??= iterator.next();
      try {
        const result = await (timer?.wait(pending) ?? pending);
        if (result === IDLE) return controller.enqueue(keepAlive!.bytes);
        pending = null;
        if (!result.done) return controller.enqueue(encode(result.value));
        timer?.stop();
        end();
        controller.close();
      } catch (error) {
        timer?.stop();
        end();
        throw error;
      }
    },
    cancel() {
      timer?.stop();
      slot.observer.cancelled();
      Promise.resolve(iterator.return?.()).then(end, end);
    },
  }, { highWaterMark: 0 });
  const headers = new Headers(options.headers);
  headers.set("content-type", contentType);
  headers.set("cache-control", "no-cache");
  const response = new Response(body, { headers });
  observers.set(response, slot);
  return response;
}

/** What {@linkcode IdleTimer.wait} resolves with in place of a value that takes too long. */
const IDLE = "idle";

/**
 * Detects that a value takes long. One interval serves a whole stream, because a timer for every token
 * would cost more than the rest of sending it.
 */
class IdleTimer {
  readonly #ms: number;
  #interval: ReturnType<typeof setInterval> | null = null;
  #resolve: ((idle: typeof IDLE) => void) | null = null;
  #ticks = 0;

  constructor(ms: number) {
    this.#ms = ms;
  }

  /** The value, or `IDLE` when it takes longer than `ms / 2` to `ms`. */
  wait<T>(value: Promise<T>): Promise<T | typeof IDLE> {
    this.#interval ??= setInterval(() => this.#tick(), this.#ms / 2);
    return new Promise((resolve, reject) => {
      this.#ticks = 0;
      this.#resolve = resolve;
      value.then(resolve, reject);
    });
  }

  stop(): void {
    if (this.#interval !== null) clearInterval(this.#interval);
  }

  #tick(): void {
    if (++this.#ticks >= 2) this.#resolve?.(IDLE);
  }
}

/** A `text/event-stream` response. */
export function eventStream(
  events: AsyncIterable<ServerSentEvent>,
  options: { readonly headers?: HeadersInit; readonly keepAliveMs?: number } = {},
): Response {
  return streamResponse(events, "text/event-stream; charset=utf-8", {
    encode: encodeEvent,
    ...(options.headers === undefined ? {} : { headers: options.headers }),
    ...(options.keepAliveMs === undefined
      ? {}
      : { keepAlive: { ms: options.keepAliveMs, bytes: encoder.encode(": keep-alive\n\n") } }),
  });
}

/** An `application/x-ndjson` response: one JSON value per line. */
export function ndjsonStream(
  values: AsyncIterable<unknown>,
  options: { readonly headers?: HeadersInit } = {},
): Response {
  return streamResponse(values, "application/x-ndjson; charset=utf-8", {
    ...options,
    encode: (value) => encoder.encode(JSON.stringify(value) + "\n"),
  });
}
