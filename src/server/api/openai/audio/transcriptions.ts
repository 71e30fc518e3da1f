import type { AnswerRequest } from "../../../../chat/mod.ts";
import { type MediaInput, mediaRefusal } from "../../../../engine/protocol/mod.ts";
import { ShimmyError } from "../../../../errors.ts";
import { choicesOf, engineFor } from "../../../answers/mod.ts";
import {
  eventStream,
  type Exchange,
  type Form,
  json,
  readForm,
  type RouteCode,
} from "../../../http/mod.ts";
import { parseLenient } from "../../../validation/mod.ts";
import { collectChoices } from "../shared/collect_choices.ts";
import { toFinishReason } from "../shared/envelope.ts";
import { formValues } from "./form_values.ts";
import { instruction } from "./instruction.ts";
import {
  type TranscriptionFields,
  transcriptionFields,
  transcriptSchema,
  translationFields,
  withFile,
} from "./schema.ts";
import { type Task, transcriptJson, transcriptText } from "./transcript.ts";
import { TranscriptEvents } from "./transcript_stream.ts";

const FILE = "file";

function soundOf({ files, fields }: Form): MediaInput {
  const bytes = files.get(FILE);
  if (bytes !== undefined) return { type: "audio", bytes, field: FILE };
  const what = FILE in fields ? "must be a file" : "is missing; must be a file";
  throw new ShimmyError("invalid", `${FILE}: ${what}`, { field: FILE });
}

function toRequest(
  task: Task,
  body: TranscriptionFields,
  sound: MediaInput,
  template: string | null,
): AnswerRequest {
  return {
    input: {
      type: "chat",
      messages: instruction(task, body, sound, template),
      tools: [],
      toolChoice: { type: "none" },
      parallelToolCalls: false,
      templateArguments: {},
      continueLast: false,
    },
    maxTokens: body.max_tokens ?? null,
    sampling: { temperature: body.temperature ?? 0 },
    stop: [],
    format: { type: "text" },
    ignoreEos: false,
    logprobs: null,
  };
}

function handler(
  task: Task,
  schema: typeof transcriptionFields | typeof translationFields,
): RouteCode["handle"] {
  return async (exchange) => {
    const form = await readForm(exchange);
    const sound = soundOf(form);
    // Other files are unknown fields.
    const others = [...form.files.keys()].filter((name) => name !== FILE).map((name) => [name, ""]);
    const values = { ...formValues(form.fields), ...Object.fromEntries(others) };
    const body: TranscriptionFields = parseLenient(exchange, schema, values);
    const format = body.response_format ?? "json";
    if (body.stream && format !== "json" && format !== "text") {
      const message = "stream: needs the response_format json or text";
      throw new ShimmyError("invalid", message, { field: "stream" });
    }
    const { engine } = await engineFor(exchange, body.model ?? undefined);
    const refusal = mediaRefusal(engine.info.media, "audio");
    if (refusal !== null) throw new ShimmyError("invalid", `file: ${refusal}`, { field: FILE });
    const request = toRequest(task, body, sound, engine.info.chatTemplate);
    if (body.stream) return await streamed(exchange, engine, request);
    const [answer] = await collectChoices(exchange, engine, [request]);
    const { text, done } = answer!;
    toFinishReason(done.finishReason);
    const transcribed = { task, language: body.language ?? null, text, done };
    if (format === "json" || format === "verbose_json") {
      return json(transcriptJson(transcribed, format === "verbose_json"));
    }
    return new Response(transcriptText(transcribed, format), {
      headers: { "content-type": "text/plain; charset=utf-8" },
    });
  };
}

async function streamed(
  exchange: Exchange,
  engine: Parameters<typeof choicesOf>[1],
  request: AnswerRequest,
): Promise<Response> {
  const stream = eventStream({ keepAliveMs: exchange.context.settings.keepAliveMs });
  await choicesOf(exchange, engine, [request], new TranscriptEvents(stream))
    .run(engine.info.parallel);
  return stream.response;
}

function codeOf(
  name: Parameters<typeof handler>[0],
  schema: typeof transcriptionFields | typeof translationFields,
): RouteCode {
  return {
    body: withFile(schema as typeof transcriptionFields),
    answer: transcriptSchema,
    handle: handler(name, schema),
  };
}

/** `POST /v1/audio/transcriptions` */
export const transcribe = codeOf("transcribe", transcriptionFields);

/** `POST /v1/audio/translations` */
export const translate = codeOf("translate", translationFields);
