import { type Sink, Transform } from "../../../../engine/mod.ts";
import { findResumable } from "../../../answers/mod.ts";
import { type Exchange, HttpError, preferredType, type RouteCode } from "../../../http/mod.ts";
import { answerIdOf, EventLog, follow, type Numbered, resumePoint } from "../../../resuming/mod.ts";
import type { UnifiedEvent } from "../schema.ts";
import { sizeOfUnified, streamOf } from "./event_streams.ts";
import { presentEvents } from "./present_events.ts";

type NumberedEvent = Numbered<UnifiedEvent>;

const MEDIA_TYPES = ["text/event-stream", "application/x-ndjson"] as const;

/** Frames of a stream, and how it is taken up again. */
interface KeptFrames {
  readonly frames: Sink<UnifiedEvent>;
  readonly resume: (exchange: Exchange) => Promise<Response>;
}

/**
 * Keeps the frames of an answer.
 * @param id id of the request's own answer.
 * @param client who gets the answer.
 */
export function keptFrames(
  out: Sink<NumberedEvent>,
  id: string,
  client: string | undefined,
): KeptFrames {
  const log = new EventLog(out, sizeOfUnified, client);
  return { frames: log, resume: (exchange) => resumeUnified(exchange, log, id) };
}

/**
 * Takes the stream of a native answer up again: from a token of the answers as they are now, or after an
 * event.
 *
 * @throws {HttpError} 410 if the events are no longer kept.
 */
async function resumeUnified(
  exchange: Exchange,
  log: EventLog<UnifiedEvent>,
  id: string,
): Promise<Response> {
  const { from, lastEvent } = resumePoint(exchange);
  const type = await preferredType(exchange.request, MEDIA_TYPES);
  const form = type === "application/x-ndjson" ? "ndjson" : "json";
  const isView = lastEvent === null || from !== null;
  const events = log.after(isView ? 0 : lastEvent);
  const { response, sink } = streamOf(form, exchange, id, true);
  if (!isView) {
    follow(exchange, log, lastEvent, sink);
    return response;
  }
  for (const one of presentEvents(events, from ?? 0, id)) sink.event(one);
  sink.flush();
  follow(exchange, log, log.last, new FromIndex(sink, from ?? 0, id));
  return response;
}

/** Leaves out the tokens before an index that the answers have not reached, until a rewind tells of them. */
class FromIndex extends Transform<NumberedEvent, NumberedEvent> {
  readonly #from: number;
  readonly #id: string;
  /** Answers that were rewound to before the index. */
  readonly #rewound = new Set<string>();

  constructor(sink: Sink<NumberedEvent>, from: number, id: string) {
    super(sink);
    this.#from = from;
    this.#id = id;
  }

  override event(numbered: NumberedEvent): void {
    const { event } = numbered;
    const { answer = this.#id } = event as { readonly answer?: string };
    if ("rewind" in event && event.rewind < this.#from) this.#rewound.add(answer);
    const isBefore = "index" in event && event.index < this.#from && !this.#rewound.has(answer);
    if (!isBefore) this.out.event(numbered);
  }
}

/** `GET /api/generate/:id/stream`: takes a stream up again. */
export const resumeStream: RouteCode = {
  handle: async (exchange) => {
    const id = await answerIdOf(exchange, exchange.params.id!);
    const resume = findResumable(exchange, id);
    if (resume !== undefined) return await resume(exchange);
    const reason = 'its request needs "detach": true';
    throw new HttpError(404, `The events of answer '${id}' are not kept: ${reason}`);
  },
};
