import * as z from "zod";
import { collectEvents, type Sink } from "../../../engine/mod.ts";
import { ShimmyError } from "../../../errors.ts";
import {
  type Exchange,
  preferredType,
  readJson,
  type ResponseType,
  type RouteCode,
} from "../../http/mod.ts";
import { parseStrict } from "../../validation/mod.ts";
import { choicesOf, engineFor, steeredChoices } from "../../answers/mod.ts";
import { callerOf } from "../../resuming/mod.ts";
import { keepAliveOf } from "../../schemas/mod.ts";
import { UnifiedEvents } from "./events.ts";
import { toAnswerRequest } from "./request.ts";
import { type StreamForm, streamOf } from "./streaming/event_streams.ts";
import { keptFrames } from "./streaming/resume.ts";
import {
  type GenerateAnswer,
  generateAnswerSchema,
  type GenerateBody,
  generateSchema,
  type UnifiedEvent,
} from "./schema.ts";

/** The form of a response: one JSON object, or a stream in one of the formats of `stream_format`. */
type ResponseForm = "object" | StreamForm;

/** The form that each media type of the `Accept` header selects. */
const FORMS: Readonly<Record<ResponseType, ResponseForm>> = {
  "application/json": "object",
  "text/event-stream": "text",
  "application/x-ndjson": "ndjson",
};

/** The id of an answer. */
export function newAnswerId(): string {
  return `gen-${crypto.randomUUID().replaceAll("-", "")}`;
}

/** Handles a native `POST /api/generate` whose body has been read. */
async function handleGenerate(exchange: Exchange, value: unknown): Promise<Response> {
  const body = parseStrict(generateSchema, value);
  const form = await formOf(body, exchange.request);
  const request = toAnswerRequest(body, form === "json" || form === "ndjson" ? "frames" : form);
  const keepAlive = keepAliveOf(body.keep_alive);
  const id = newAnswerId();
  if (form === "object") {
    if (body.detach) throw needsStream();
    const { entry, engine } = await engineFor(exchange, body.model ?? undefined, keepAlive);
    const object = await toObject(
      (sink) => choicesOf(exchange, engine, [request], new UnifiedEvents(id, sink)).run(1),
      entry.name,
    );
    return Response.json(object);
  }
  const { response, sink } = streamOf(form, exchange, id, Boolean(body.detach));
  const { frames, ...kept } = keptFrames(sink, id, exchange.client);
  const events = new UnifiedEvents(id, frames, form === "text");
  const caller = callerOf(exchange, body.detach, id);
  const { engine } = await engineFor(caller, body.model ?? undefined, keepAlive);
  const choices = steeredChoices(caller, engine, [request], events, {
    id,
    forked: (forks) => events.forked(forks),
    ...kept,
  });
  await choices.run(1);
  return response;
}

function needsStream(): ShimmyError {
  return new ShimmyError("invalid", "detach: requires a stream", { field: "detach" });
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
  const collected: { done?: Extract<UnifiedEvent, { done: true }> } = {};
  await collectEvents<UnifiedEvent>(start, (event) => {
    if ("token" in event) response += event.token;
    else if ("reasoning" in event) reasoning += event.reasoning;
    else if ("done" in event) collected.done = event;
  });
  // The answer has ended, so nothing can be done with its id.
  const { answer: _, ...done } = collected.done!;
  return {
    response,
    ...(reasoning === "" ? {} : { reasoning }),
    model,
    created_at: new Date().toISOString(),
    ...done,
  };
}

/** Decides between the two forms of `POST /api/generate`. */
export interface OtherForm {
  /** Whether a request is in the other dialect. */
  matches(headers: Headers, body: unknown): boolean;
}

/** The code of the other dialect. */
export interface ForeignCode {
  /** Handles a request whose body has been read to select the dialect. */
  readonly handle: (exchange: Exchange, body: unknown) => Response | Promise<Response>;
  /** Its answers. */
  readonly answer: z.ZodType;
}

/** The code of `POST /api/generate`. @param other the other dialect, if there is one. */
export function generateCode(other?: OtherForm & ForeignCode): RouteCode {
  return {
    body: generateSchema,
    answer: other === undefined
      ? generateAnswerSchema
      : z.union([generateAnswerSchema, other.answer]),
    async handle(exchange) {
      const body = await readJson(exchange);
      const isOther = other?.matches(exchange.request.headers, body) ?? false;
      return await (isOther ? other!.handle : handleGenerate)(exchange, body);
    },
  };
}
