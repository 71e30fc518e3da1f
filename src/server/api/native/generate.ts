import type { Answer } from "../../../chat/mod.ts";
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
import { engineFor, startAnswer } from "../../answers/mod.ts";
import { keepAliveOf } from "../../schemas/mod.ts";
import { toUnifiedEvents } from "./events.ts";
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
  const answer = await startAnswer(exchange, engine, request);
  const { keepAliveMs } = exchange.context.settings;
  switch (form) {
    case "object":
      return Response.json(await toObject(answer, entry.name));
    case "text":
      return eventStream(sse(answer, (event) => "token" in event ? event.token : null, exchange), {
        keepAliveMs,
      });
    case "json":
      return eventStream(sse(answer, (event) => JSON.stringify(event), exchange), { keepAliveMs });
    case "ndjson":
      return ndjsonStream(withFailure(toUnifiedEvents(answer), exchange));
  }
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

async function toObject(answer: Answer, model: string): Promise<GenerateAnswer> {
  let response = "";
  let reasoning = "";
  let done: Done | null = null;
  for await (const event of toUnifiedEvents(answer)) {
    if ("token" in event) response += event.token;
    else if ("reasoning" in event) reasoning += event.reasoning;
    else if ("done" in event) done = event;
  }
  if (done === null) throw new Error("An answer ended without its done event");
  return {
    response,
    ...(reasoning === "" ? {} : { reasoning }),
    model,
    created_at: new Date().toISOString(),
    ...done,
  };
}

/** The answer as server-sent events; events for which `data` returns null are omitted. */
async function* sse(
  answer: Answer,
  data: (event: UnifiedEvent) => string | null,
  exchange: Exchange,
): AsyncGenerator<ServerSentEvent, void> {
  for await (const event of withFailure(toUnifiedEvents(answer), exchange)) {
    if ("error" in event) {
      yield { event: "error", data: JSON.stringify(event) };
      return;
    }
    const text = data(event);
    if (text !== null) yield { data: text };
  }
  yield { data: "[DONE]" };
}

/** Turns an error during the stream into the last event. */
async function* withFailure(
  events: AsyncIterable<UnifiedEvent>,
  { context, requestId }: Exchange,
): AsyncGenerator<UnifiedEvent, void> {
  try {
    yield* events;
  } catch (thrown) {
    const error = toShimmyError(thrown);
    if (error.kind === "backend") context.report?.(error, requestId);
    yield { error: error.message };
  }
}
