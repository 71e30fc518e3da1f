import type { Answer } from "../../../chat/mod.ts";
import {
  eventStream,
  type Exchange,
  ndjsonStream,
  parse,
  type ServerSentEvent,
  toShimmyError,
} from "../../http/mod.ts";
import { engineFor, startAnswer } from "../../answers/mod.ts";
import { keepAliveOf } from "../../schemas/mod.ts";
import { unified } from "./events.ts";
import { toAnswerRequest } from "./request.ts";
import {
  type Done,
  type GenerateAnswer,
  type GenerateBody,
  generateSchema,
  type UnifiedEvent,
} from "./schema.ts";

/** How the answer to a native request is sent. */
type Delivery = "whole" | "text" | "json" | "ndjson";

/** Answers a native `POST /api/generate` whose body was read already. */
export async function handleGenerate(exchange: Exchange, value: unknown): Promise<Response> {
  const body = parse(generateSchema, value);
  const request = toAnswerRequest(body);
  const keepAlive = keepAliveOf(body.keep_alive);
  const { entry, engine } = await engineFor(exchange, body.model ?? undefined, keepAlive);
  const answer = await startAnswer(exchange, engine, request);
  const { keepAliveMs } = exchange.context.settings;
  switch (deliveryOf(body, exchange.request.headers)) {
    case "whole":
      return Response.json(await whole(answer, entry.name));
    case "text":
      return eventStream(sse(answer, (event) => "token" in event ? event.token : null, exchange), {
        keepAliveMs,
      });
    case "json":
      return eventStream(sse(answer, (event) => JSON.stringify(event), exchange), { keepAliveMs });
    case "ndjson":
      return ndjsonStream(withFailure(unified(answer), exchange));
  }
}

function deliveryOf(body: GenerateBody, headers: Headers): Delivery {
  const lines = /\bapplication\/x-ndjson\b/i.test(headers.get("accept") ?? "");
  const format = body.stream_format ?? (lines ? "ndjson" : undefined);
  const streams = body.stream ?? format !== undefined;
  return streams ? format ?? "text" : "whole";
}

async function whole(answer: Answer, model: string): Promise<GenerateAnswer> {
  let response = "";
  let reasoning = "";
  let done: Done | null = null;
  for await (const event of unified(answer)) {
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

/** The answer as server-sent events; `null` from `data` leaves an event out. */
async function* sse(
  answer: Answer,
  data: (event: UnifiedEvent) => string | null,
  exchange: Exchange,
): AsyncGenerator<ServerSentEvent, void> {
  for await (const event of withFailure(unified(answer), exchange)) {
    if ("error" in event) {
      yield { event: "error", data: JSON.stringify(event) };
      return;
    }
    const text = data(event);
    if (text !== null) yield { data: text };
  }
  yield { data: "[DONE]" };
}

/** Turns a failure in mid-stream into a last event. */
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
