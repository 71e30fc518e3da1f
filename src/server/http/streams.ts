/** One event of a `text/event-stream`. */
export interface ServerSentEvent {
  readonly event?: string;
  /** Newlines inside become several `data:` lines, as the format prescribes. */
  readonly data: string;
}

const encoder = new TextEncoder();

function encodeEvent({ event, data }: ServerSentEvent): Uint8Array {
  const name = event === undefined ? "" : `event: ${event}\n`;
  const lines = data.split(/\r\n|\r|\n/).map((line) => `data: ${line}\n`).join("");
  return encoder.encode(`${name}${lines}\n`);
}

interface StreamOptions<T> {
  readonly encode: (value: T) => Uint8Array;
  readonly headers?: HeadersInit;
  /** Sent after each `keepAliveMs` of silence; none when the format has nothing harmless to send. */
  readonly keepAlive?: { readonly ms: number; readonly bytes: Uint8Array };
}

/** Who hears how a streamed response goes. */
export interface StreamWatcher {
  /**
   * The client has left before the response has ended. A generator that waits for its next value takes
   * a `return()` only after that value; so whatever makes the values has to hear of it on another way,
   * and this is where that way begins.
   */
  readonly abandoned: () => void;
  /** Nothing makes values for it any more, whatever the reason. */
  readonly ended: () => void;
}

/** Set once by the handler's owner. */
const watchers = new WeakMap<Response, { watcher: StreamWatcher }>();

/** Watches a response that was made here. False for any other: it has all of its body already. */
export function watchStream(response: Response, watcher: StreamWatcher): boolean {
  const slot = watchers.get(response);
  if (slot !== undefined) slot.watcher = watcher;
  return slot !== undefined;
}

/**
 * A response that pulls from `values` only as fast as the client reads, and returns the iterator when
 * the client has gone, so that whatever feeds it is cancelled.
 */
function pulled<T>(
  values: AsyncIterable<T>,
  contentType: string,
  options: StreamOptions<T>,
): Response {
  const iterator = values[Symbol.asyncIterator]();
  const { encode, keepAlive } = options;
  const patience = keepAlive === undefined ? null : new Patience(keepAlive.ms);
  let pending: Promise<IteratorResult<T>> | null = null;
  const slot: { watcher: StreamWatcher } = { watcher: { abandoned: () => {}, ended: () => {} } };
  let hasEnded = false;
  const end = () => {
    if (!hasEnded) slot.watcher.ended();
    hasEnded = true;
  };
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      pending ??= iterator.next();
      try {
        const result = await (patience?.wait(pending) ?? pending);
        if (result === "silence") return controller.enqueue(keepAlive!.bytes);
        pending = null;
        if (!result.done) return controller.enqueue(encode(result.value));
        patience?.stop();
        end();
        controller.close();
      } catch (error) {
        patience?.stop();
        end();
        throw error;
      }
    },
    cancel() {
      patience?.stop();
      slot.watcher.abandoned();
      Promise.resolve(iterator.return?.()).then(end, end);
    },
  }, { highWaterMark: 0 });
  const headers = new Headers(options.headers);
  headers.set("content-type", contentType);
  headers.set("cache-control", "no-cache");
  const response = new Response(body, { headers });
  watchers.set(response, slot);
  return response;
}

/**
 * Notices when a value is long in coming. One timer watches a whole stream: making one for every token
 * would cost more than all the rest of sending it.
 */
class Patience {
  readonly #ms: number;
  #timer: ReturnType<typeof setInterval> | null = null;
  #waiting: ((silence: "silence") => void) | null = null;
  #ticks = 0;

  constructor(ms: number) {
    this.#ms = ms;
  }

  /** The value, or `silence` when it does not come within the time, or within half of it at least. */
  wait<T>(value: Promise<T>): Promise<T | "silence"> {
    this.#timer ??= setInterval(() => this.#tick(), this.#ms / 2);
    return new Promise((resolve, reject) => {
      this.#ticks = 0;
      this.#waiting = resolve;
      value.then(resolve, reject);
    });
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
  }

  #tick(): void {
    if (++this.#ticks >= 2) this.#waiting?.("silence");
  }
}

/** A `text/event-stream` response. */
export function eventStream(
  events: AsyncIterable<ServerSentEvent>,
  options: { readonly headers?: HeadersInit; readonly keepAliveMs?: number } = {},
): Response {
  return pulled(events, "text/event-stream; charset=utf-8", {
    encode: encodeEvent,
    ...(options.headers === undefined ? {} : { headers: options.headers }),
    ...(options.keepAliveMs === undefined
      ? {}
      : { keepAlive: { ms: options.keepAliveMs, bytes: encoder.encode(": keep-alive\n\n") } }),
  });
}

/** An `application/x-ndjson` response: one JSON value a line. */
export function ndjsonStream(
  values: AsyncIterable<unknown>,
  options: { readonly headers?: HeadersInit } = {},
): Response {
  return pulled(values, "application/x-ndjson; charset=utf-8", {
    ...options,
    encode: (value) => encoder.encode(JSON.stringify(value) + "\n"),
  });
}
