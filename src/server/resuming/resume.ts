import type { Sink } from "../../engine/mod.ts";
import { ShimmyError } from "../../errors.ts";
import { eventStream, type Exchange, type ServerSentEvent, toShimmyError } from "../http/mod.ts";
import { EventLog, type Numbered, type Reader } from "./event_log.ts";

/** Where a client takes a stream up again; both null: at its beginning. */
interface ResumePoint {
  /** Index of the first token. */
  readonly from: number | null;
  /** Number of the last event that the client has. */
  readonly lastEvent: number | null;
}

/**
 * Reads where a client takes a stream up again.
 * @throws {ShimmyError} `invalid` for a value that is not a whole number.
 */
export function resumePoint({ url, request }: Pick<Exchange, "url" | "request">): ResumePoint {
  const from = wholeNumber("from", url.searchParams.get("from"));
  const header = wholeNumber("Last-Event-ID", request.headers.get("last-event-id"));
  const query = wholeNumber("last_event_id", url.searchParams.get("last_event_id"));
  return { from, lastEvent: header ?? query };
}

function wholeNumber(field: string, text: string | null): number | null {
  if (text === null || text === "") return null;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new ShimmyError("invalid", `${field}: must be a whole number, not '${text}'`, { field });
}

/** Lets the client of an exchange read a log at its pace, until it leaves. */
export function follow<T>(
  exchange: Exchange,
  log: EventLog<T>,
  after: number,
  sink: Sink<Numbered<T>>,
): Reader<T> {
  const reader = log.read(after, sink);
  exchange.onHold((isHeld) => reader.hold(isHeld));
  exchange.signal.addEventListener("abort", () => reader.end(), { once: true });
  reader.pump();
  return reader;
}

/** A stream of server-sent events, and how it is taken up again; absent: its events are not kept. */
interface KeptStream {
  readonly sink: Sink<ServerSentEvent>;
  readonly resume?: (exchange: Exchange) => Promise<Response>;
}

/**
 * Keeps the events of a stream, which then have their numbers as ids.
 * @param client who gets the stream.
 */
export function keptStream(
  stream: Sink<ServerSentEvent>,
  isKept: boolean,
  client: string | undefined,
): KeptStream {
  if (!isKept) return { sink: stream };
  const log = new EventLog(withIds(stream), ({ data }) => data.length + 64, client);
  return { sink: log, resume: (exchange) => Promise.resolve(resumeEvents(exchange, log)) };
}

/** Adds the numbers of events as their ids. */
function withIds(stream: Sink<ServerSentEvent>): Sink<Numbered<ServerSentEvent>> {
  return {
    event: ({ number, event }) => stream.event({ ...event, id: String(number) }),
    flush: () => stream.flush(),
    end: (error) => stream.end(error),
  };
}

/**
 * The stream of server-sent events after those that the client has, as its dialect sent them.
 * @throws {HttpError} as `EventLog.after` does; {ShimmyError} `invalid` for a token index.
 */
function resumeEvents(exchange: Exchange, log: EventLog<ServerSentEvent>): Response {
  const { from, lastEvent } = resumePoint(exchange);
  if (from !== null) {
    throw new ShimmyError("invalid", "from: is for native answers; use Last-Event-ID", {
      field: "from",
    });
  }
  log.after(lastEvent ?? 0);
  const stream = eventStream({ keepAliveMs: exchange.context.settings.keepAliveMs });
  const numbered = withIds(stream);
  follow(exchange, log, lastEvent ?? 0, {
    event: (event) => numbered.event(event),
    flush: () => numbered.flush(),
    end(error) {
      if (error !== undefined) {
        const data = JSON.stringify({ error: { message: toShimmyError(error).message } });
        stream.event({ event: "error", data });
      }
      numbered.end();
    },
  });
  return stream.response;
}
