import type { Sink } from "../../engine/mod.ts";
import { ShimmyError } from "../../errors.ts";

/** One event of a `text/event-stream`. */
export interface ServerSentEvent {
  readonly event?: string;
  /** A client that lost the stream sends the last one in `Last-Event-ID`. */
  readonly id?: string;
  /** Each line becomes a `data:` line of its own, as the format requires. */
  readonly data: string;
}

const encoder = new TextEncoder();

/**
 * The text of an event. `ServerSentEventStream` of `@std/http` writes `data:x` where the APIs that
 * Shimmy implements write `data: x`, and adds a transform stream to the path of every token.
 */
function encodeEvent({ event, id, data }: ServerSentEvent): string {
  const number = id === undefined ? "" : `id: ${id}\n`;
  const name = event === undefined ? number : `${number}event: ${event}\n`;
  const lines = /[\r\n]/.test(data) ? data.replace(/\r\n|\r|\n/g, "\ndata: ") : data;
  return `${name}data: ${lines}\n\n`;
}

interface StreamOptions<T> {
  readonly encode: (value: T) => string;
  readonly headers?: HeadersInit;
  /** Sent after each `ms` without a value; absent when the format has no comments. */
  readonly keepAlive?: { readonly ms: number; readonly text: string };
}

/** Callbacks of a streamed response, and its limit. */
export interface StreamObserver {
  /** Milliseconds for which the client may leave bytes unread; then the response ends as if it had disconnected. */
  readonly mostUnreadMs: number;
  /** The client has left bytes unread for too long; follows `cancelled`. */
  readonly expired: () => void;
  /** The client disconnected before the response ended: the source of the values must be cancelled. */
  readonly cancelled: () => void;
  /** The client does not read as fast as values come, or reads again: the source holds or goes on. */
  readonly held: (isHeld: boolean) => void;
  /** The response was sent, or the source of a cancelled response has ended. */
  readonly ended: () => void;
}

/** Streams of the responses that this module made. */
const streams = new WeakMap<Response, ResponseStream<never>>();

/** Observes a response made by this module. False for any other response: its body is complete. */
export function observeStream(response: Response, observer: StreamObserver): boolean {
  const stream = streams.get(response);
  stream?.observe(observer);
  return stream !== undefined;
}

/** Values and characters that the client has not read at which the source is held. */
const HOLD_AT = { values: 256, characters: 1 << 16 };

/** A streamed response: values in, encoded and collected into one write for each flush. */
export class ResponseStream<T> implements Sink<T> {
  readonly response: Response;
  #observer: StreamObserver | null = null;
  #isHeld = false;
  readonly #options: StreamOptions<T>;
  readonly #keepAlive: KeepAlive | null;
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  /** Text that is not sent yet, and its number of values. */
  #text = "";
  #values = 0;
  /** The client waits for bytes. */
  #isWanted = false;
  /** Set while the source is held, and while the last text waits for the client. */
  #unread: ReturnType<typeof setTimeout> | null = null;
  #state: "open" | "ending" | "closed" | "cancelled" = "open";

  constructor(contentType: string, options: StreamOptions<T>) {
    this.#options = options;
    const { keepAlive } = options;
    this.#keepAlive = keepAlive === undefined
      ? null
      : new KeepAlive(keepAlive.ms, () => this.#sendIfWanted(keepAlive.text));
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => void (this.#controller = controller),
      pull: () => this.#pull(),
      cancel: () => this.#cancel(),
    }, { highWaterMark: 0 });
    const headers = new Headers(options.headers);
    headers.set("content-type", contentType);
    headers.set("cache-control", "no-cache");
    this.response = new Response(body, { headers });
    streams.set(this.response, this);
  }

  /** Sets the observer; tells it what happened before. */
  observe(observer: StreamObserver): void {
    this.#observer = observer;
    if (this.#state === "closed") return this.#ended();
    if (this.#isHeld) observer.held(true);
    if (this.#isHeld || this.#state === "ending") this.#limitUnread();
  }

  event(value: T): void {
    if (this.#state !== "open") return;
    this.#text += this.#options.encode(value);
    this.#values++;
  }

  flush(): void {
    this.#keepAlive?.reset();
    this.#send();
    this.#hold(this.#text.length >= HOLD_AT.characters || this.#values >= HOLD_AT.values);
  }

  end(error?: unknown): void {
    if (this.#state === "cancelled") return this.#ended();
    if (this.#state !== "open") return;
    if (error !== undefined) {
      this.#controller.error(error);
      return this.#close();
    }
    this.#state = "ending";
    this.#send();
  }

  #pull(): void {
    this.#isWanted = true;
    this.#stopUnread();
    this.#keepAlive?.start();
    this.#send();
    this.#hold(false);
  }

  /** Sends the collected text if the client waits for it, and closes the body after the last text. */
  #send(): void {
    if (this.#text !== "" && this.#isWanted) {
      const text = this.#text;
      this.#text = "";
      this.#values = 0;
      this.#sendIfWanted(text);
    }
    if (this.#state !== "ending") return;
    if (this.#text !== "") return this.#limitUnread();
    this.#controller.close();
    this.#close();
  }

  /** Limits the time until the client reads. A source that goes on is held first. */
  #limitUnread(): void {
    if (this.#unread !== null || this.#observer === null) return;
    this.#unread = setTimeout(() => this.#expire(), this.#observer.mostUnreadMs);
    // The end of the process does not wait for it.
    Deno.unrefTimer(Number(this.#unread));
  }

  #stopUnread(): void {
    if (this.#unread !== null) clearTimeout(this.#unread);
    this.#unread = null;
  }

  #expire(): void {
    const observer = this.#observer;
    this.#controller.error(new ShimmyError("cancelled", "The client did not read the response"));
    this.#cancel();
    observer?.expired();
  }

  #sendIfWanted(text: string): void {
    if (!this.#isWanted) return;
    this.#isWanted = false;
    this.#controller.enqueue(encoder.encode(text));
  }

  #close(): void {
    this.#state = "closed";
    this.#keepAlive?.stop();
    this.#stopUnread();
    this.#ended();
  }

  #cancel(): void {
    const isOver = this.#state === "ending";
    this.#state = "cancelled";
    this.#text = "";
    this.#isWanted = false;
    this.#keepAlive?.stop();
    this.#stopUnread();
    this.#observer?.cancelled();
    if (isOver) this.#ended();
  }

  #ended(): void {
    this.#observer?.ended();
    this.#observer = null;
  }

  #hold(isHeld: boolean): void {
    if (isHeld === this.#isHeld) return;
    this.#isHeld = isHeld;
    this.#observer?.held(isHeld);
    if (isHeld) this.#limitUnread();
  }
}

/**
 * Calls back when nothing was sent for `ms / 2` to `ms`. One interval serves a whole stream, because a
 * timer for every token would cost more than the rest of sending it.
 */
class KeepAlive {
  readonly #ms: number;
  readonly #onIdle: () => void;
  #interval: ReturnType<typeof setInterval> | null = null;
  #ticks = 0;

  constructor(ms: number, onIdle: () => void) {
    this.#ms = ms;
    this.#onIdle = onIdle;
  }

  start(): void {
    this.#interval ??= setInterval(() => this.#tick(), this.#ms / 2);
  }

  reset(): void {
    this.#ticks = 0;
  }

  stop(): void {
    if (this.#interval !== null) clearInterval(this.#interval);
  }

  #tick(): void {
    if (++this.#ticks < 2) return;
    this.#ticks = 0;
    this.#onIdle();
  }
}

/** A `text/event-stream` response. */
export function eventStream(
  options: { readonly headers?: HeadersInit; readonly keepAliveMs?: number } = {},
): ResponseStream<ServerSentEvent> {
  return new ResponseStream("text/event-stream; charset=utf-8", {
    encode: encodeEvent,
    ...(options.headers === undefined ? {} : { headers: options.headers }),
    ...(options.keepAliveMs === undefined
      ? {}
      : { keepAlive: { ms: options.keepAliveMs, text: ": keep-alive\n\n" } }),
  });
}

/** An `application/x-ndjson` response: one JSON value per line. */
export function ndjsonStream(): ResponseStream<unknown> {
  return new ResponseStream("application/x-ndjson; charset=utf-8", {
    encode: (value) => JSON.stringify(value) + "\n",
  });
}
