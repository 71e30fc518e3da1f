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

interface StreamOptions {
  readonly headers?: HeadersInit;
  /** Sent after each `keepAliveMs` of silence; none when the format has nothing harmless to send. */
  readonly keepAlive?: { readonly ms: number; readonly bytes: Uint8Array };
}

/** What to do when the client of a streamed response has gone; set once by the handler's owner. */
const abandoned = new WeakMap<Response, { tell: () => void }>();

/**
 * Calls back when the client leaves before a response made here has ended.
 *
 * A generator that waits for its next value takes a `return()` only after that value; so whatever
 * makes the values has to hear of it on another way, and this is where that way begins.
 */
export function onAbandoned(response: Response, callback: () => void): void {
  const slot = abandoned.get(response);
  if (slot !== undefined) slot.tell = callback;
}

/**
 * A response that pulls from `chunks` only as fast as the client reads, and returns the iterator when
 * the client has gone, so that whatever feeds it is cancelled.
 */
function pulled(
  chunks: AsyncIterable<Uint8Array>,
  contentType: string,
  options: StreamOptions,
): Response {
  const iterator = chunks[Symbol.asyncIterator]();
  const { keepAlive } = options;
  let pending: Promise<IteratorResult<Uint8Array>> | null = null;
  const slot = { tell: () => {} };
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      pending ??= iterator.next();
      const result = await orSilence(pending, keepAlive?.ms);
      if (result === "silence") {
        controller.enqueue(keepAlive!.bytes);
        return;
      }
      pending = null;
      if (result.done) controller.close();
      else controller.enqueue(result.value);
    },
    cancel() {
      slot.tell();
      iterator.return?.().catch(() => {});
    },
  }, { highWaterMark: 0 });
  const headers = new Headers(options.headers);
  headers.set("content-type", contentType);
  headers.set("cache-control", "no-cache");
  const response = new Response(body, { headers });
  abandoned.set(response, slot);
  return response;
}

/** The value, or `silence` when it takes longer than that. */
async function orSilence<T>(value: Promise<T>, ms: number | undefined): Promise<T | "silence"> {
  if (ms === undefined) return await value;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const silence = new Promise<"silence">((resolve) => {
    timer = setTimeout(() => resolve("silence"), ms);
  });
  try {
    return await Promise.race([value, silence]);
  } finally {
    clearTimeout(timer);
  }
}

/** A `text/event-stream` response. */
export function eventStream(
  events: AsyncIterable<ServerSentEvent>,
  options: { readonly headers?: HeadersInit; readonly keepAliveMs?: number } = {},
): Response {
  async function* encoded() {
    for await (const event of events) yield encodeEvent(event);
  }
  return pulled(encoded(), "text/event-stream; charset=utf-8", {
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
  async function* encoded() {
    for await (const value of values) yield encoder.encode(JSON.stringify(value) + "\n");
  }
  return pulled(encoded(), "application/x-ndjson; charset=utf-8", options);
}
