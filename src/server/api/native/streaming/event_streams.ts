import { type Sink, Transform } from "../../../../engine/mod.ts";
import {
  eventStream,
  type Exchange,
  ndjsonStream,
  type ServerSentEvent,
  toShimmyError,
} from "../../../http/mod.ts";
import type { Numbered } from "../../../resuming/mod.ts";
import { isOfFork } from "../events.ts";
import type { UnifiedEvent } from "../schema.ts";

/** The format of a stream: server-sent events with texts or JSON, or lines of JSON. */
export type StreamForm = "text" | "json" | "ndjson";

type NumberedEvent = Numbered<UnifiedEvent>;

/** The response header with the id of a streamed answer. */
const ANSWER_HEADER = "x-shimmy-answer";

/**
 * A streamed response, whose head has the id of the answer, and the sink of its events.
 *
 * @param id id of the request's own answer.
 * @param withIds whether server-sent events have their numbers as ids.
 */
export function streamOf(
  form: StreamForm,
  exchange: Exchange,
  id: string,
  withIds: boolean,
): { readonly response: Response; readonly sink: Sink<NumberedEvent> } {
  if (form === "ndjson") {
    const stream = ndjsonStream();
    stream.response.headers.set(ANSWER_HEADER, id);
    const lines: Sink<NumberedEvent> = {
      event: ({ event }) => stream.event(event),
      flush: () => stream.flush(),
      end: () => stream.end(),
    };
    return { response: stream.response, sink: new Failures(lines, exchange) };
  }
  const stream = eventStream({ keepAliveMs: exchange.context.settings.keepAliveMs });
  stream.response.headers.set(ANSWER_HEADER, id);
  return {
    response: stream.response,
    sink: new Failures(new Data(stream, form, id, withIds), exchange),
  };
}

/**
 * Unified events as server-sent events: as JSON, or as texts. In a stream of texts, a client that knows
 * nothing of steering reads the tokens of the request's own answer alone: rewinds and forks are events with
 * a name, and so are the tokens of a fork, whose name is its id.
 */
class Data extends Transform<NumberedEvent, ServerSentEvent> {
  readonly #form: "json" | "text";
  readonly #answer: string;
  readonly #withIds: boolean;
  #hasForks = false;
  #hasFailed = false;

  constructor(
    stream: Sink<ServerSentEvent>,
    form: "json" | "text",
    answer: string,
    withIds: boolean,
  ) {
    super(stream);
    this.#form = form;
    this.#answer = answer;
    this.#withIds = withIds;
  }

  override event({ event, number }: NumberedEvent): void {
    const id = this.#withIds && number > 0 ? { id: String(number) } : {};
    if ("error" in event) {
      this.#hasFailed = true;
      this.out.event({ event: "error", data: JSON.stringify(event) });
    } else if (this.#form === "json") this.out.event({ ...id, data: JSON.stringify(event) });
    else {
      const text = this.#textEvent(event);
      if (text !== null) this.out.event({ ...id, ...text });
    }
  }

  /** Null for an event that a stream of texts does not have. */
  #textEvent(event: Exclude<UnifiedEvent, { error: string }>): ServerSentEvent | null {
    if ("index" in event) {
      if (!("token" in event) || event.token === "") return null;
      const name = isOfFork(event, this.#answer) ? { event: event.answer! } : {};
      return { ...name, data: event.token };
    }
    if ("forked" in event) this.#hasForks = true;
    // Without forks, the end of the stream is that of the answer.
    if ("done" in event && !this.#hasForks) return null;
    return { event: nameOf(event), data: JSON.stringify(event) };
  }

  override end(): void {
    if (!this.#hasFailed) this.out.event({ data: "[DONE]" });
    this.out.end();
  }
}

function nameOf(event: Exclude<UnifiedEvent, { index: number } | { error: string }>): string {
  return "rewind" in event ? "rewind" : "forked" in event ? "forked" : "done";
}

/** Turns an error during the stream into the last event. */
class Failures extends Transform<NumberedEvent, NumberedEvent> {
  readonly #exchange: Exchange;

  constructor(sink: Sink<NumberedEvent>, exchange: Exchange) {
    super(sink);
    this.#exchange = exchange;
  }

  override event(event: NumberedEvent): void {
    this.out.event(event);
  }

  override end(thrown?: unknown): void {
    if (thrown !== undefined) {
      const error = toShimmyError(thrown);
      const { context, requestId } = this.#exchange;
      if (error.kind === "backend") context.report?.(error, requestId);
      this.out.event({ number: 0, event: { error: error.message } });
    }
    this.out.end();
  }
}

/** Bytes of an event in memory, about. */
export function sizeOfUnified(event: UnifiedEvent): number {
  if (!("index" in event)) return 512 + ("text" in event ? event.text?.length ?? 0 : 0);
  const text = "token" in event ? event.token : event.reasoning;
  return 200 + text.length + 100 * (event.alternatives?.length ?? 0);
}
