import { collectEvents, type Sink, Transform } from "../../../engine/mod.ts";
import {
  eventStream,
  type Exchange,
  ndjsonStream,
  parseStrict,
  preferredType,
  type ResponseType,
  type ServerSentEvent,
  toShimmyError,
} from "../../http/mod.ts";
import { bindAnswer, engineFor, startAnswer } from "../../answers/mod.ts";
import { keepAliveOf } from "../../schemas/mod.ts";
import { UnifiedEvents } from "./events.ts";
import { toAnswerRequest } from "./request.ts";
import {
  type Done,
  type GenerateAnswer,
  type GenerateBody,
  generateSchema,
  type UnifiedEvent,
} from "./schema.ts";

/** The form of a response: one JSON object, or a stream in one of the formats of `stream_format`. */
type ResponseForm = "object" | "text" | "json" | "ndjson";

/** The form that each media type of the `Accept` header selects. */
const FORMS: Readonly<Record<ResponseType, ResponseForm>> = {
  "application/json": "object",
  "text/event-stream": "text",
  "application/x-ndjson": "ndjson",
};

/** Handles a native `POST /api/generate` whose body has been read. */
export async function handleGenerate(exchange: Exchange, value: unknown): Promise<Response> {
  const body = parseStrict(generateSchema, value);
  const request = toAnswerRequest(body);
  const form = await formOf(body, exchange.request);
  const keepAlive = keepAliveOf(body.keep_alive);
  const { entry, engine } = await engineFor(exchange, body.model ?? undefined, keepAlive);
  if (form === "object") {
    const object = await toObject(
      (sink) => bindAnswer(exchange, engine, request, new UnifiedEvents(sink)),
      entry.name,
    );
    return Response.json(object);
  }
  const { response, sink } = streamOf(form, exchange);
  await startAnswer(exchange, engine, request, new UnifiedEvents(sink)).started;
  return response;
}

/** The fields of the body decide; the `Accept` header decides what they leave open. */
async function formOf(
  { stream, stream_format: format }: GenerateBody,
  request: Request,
): Promise<ResponseForm> {
  if (stream === false) return "object";
  if (format) return format;
  const streams = ["text/event-stream", "application/x-ndjson"] as const;
  const type = stream
    ? await preferredType(request, streams) ?? "text/event-stream"
    : await preferredType(request, ["application/json", ...streams]) ?? "application/json";
  return FORMS[type];
}

async function toObject(
  start: (sink: Sink<UnifiedEvent>) => unknown,
  model: string,
): Promise<GenerateAnswer> {
  let response = "";
  let reasoning = "";
  const collected: { done?: Done } = {};
  await collectEvents<UnifiedEvent>(start, (event) => {
    if ("token" in event) response += event.token;
    else if ("reasoning" in event) reasoning += event.reasoning;
    else if ("done" in event) collected.done = event;
  });
  return {
    response,
    ...(reasoning === "" ? {} : { reasoning }),
    model,
    created_at: new Date().toISOString(),
    ...collected.done!,
  };
}

/** A streamed response and the sink of its events. */
function streamOf(
  form: Exclude<ResponseForm, "object">,
  exchange: Exchange,
): { readonly response: Response; readonly sink: Sink<UnifiedEvent> } {
  if (form === "ndjson") {
    const stream = ndjsonStream();
    return { response: stream.response, sink: new Failures(stream, exchange) };
  }
  const stream = eventStream({ keepAliveMs: exchange.context.settings.keepAliveMs });
  return { response: stream.response, sink: new Failures(new Data(stream, form), exchange) };
}

/** Unified events as server-sent events: as JSON, or the texts of tokens alone. */
class Data extends Transform<UnifiedEvent, ServerSentEvent> {
  readonly #form: "json" | "text";
  #hasFailed = false;

  constructor(stream: Sink<ServerSentEvent>, form: "json" | "text") {
    super(stream);
    this.#form = form;
  }

  override event(event: UnifiedEvent): void {
    if ("error" in event) {
      this.#hasFailed = true;
      this.out.event({ event: "error", data: JSON.stringify(event) });
    } else if (this.#form === "json") this.out.event({ data: JSON.stringify(event) });
    else if ("token" in event) this.out.event({ data: event.token });
  }

  override end(): void {
    if (!this.#hasFailed) this.out.event({ data: "[DONE]" });
    this.out.end();
  }
}

/** Turns an error during the stream into the last event. */
class Failures extends Transform<UnifiedEvent, UnifiedEvent> {
  readonly #exchange: Exchange;

  constructor(sink: Sink<UnifiedEvent>, exchange: Exchange) {
    super(sink);
    this.#exchange = exchange;
  }

  override event(event: UnifiedEvent): void {
    this.out.event(event);
  }

  override end(thrown?: unknown): void {
    if (thrown !== undefined) {
      const error = toShimmyError(thrown);
      const { context, requestId } = this.#exchange;
      if (error.kind === "backend") context.report?.(error, requestId);
      this.out.event({ error: error.message });
    }
    this.out.end();
  }
}
