import type { AnswerRequest } from "../../../../chat/mod.ts";
import { type MediaInput, mediaRefusal } from "../../../../engine/protocol/mod.ts";
import { ShimmyError } from "../../../../errors.ts";
import { choicesOf, engineFor } from "../../../answers/mod.ts";
import {
  eventStream,
  type Exchange,
  type Form,
  json,
  parseLenient,
  readForm,
  type Route,
} from "../../../http/mod.ts";
import { collectChoices } from "../shared/collect_choices.ts";
import { openaiDialect } from "../shared/dialect.ts";
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

function toRequest(task: Task, body: TranscriptionFields, sound: MediaInput): AnswerRequest {
  return {
    input: {
      type: "chat",
      messages: [instruction(task, body, sound)],
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
): Route["handle"] {
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
    const request = toRequest(task, body, sound);
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

function route(
  name: "transcriptions" | "translations",
  summary: string,
  schema: typeof transcriptionFields | typeof translationFields,
): Route {
  return {
    method: "POST",
    path: `/v1/audio/${name}`,
    scope: "chat",
    dialect: openaiDialect,
    summary,
    body: withFile(schema as typeof transcriptionFields),
    isForm: true,
    answer: transcriptSchema,
    text: true,
    streams: ["text/event-stream"],
    handle: handler(name === "transcriptions" ? "transcribe" : "translate", schema),
  };
}

/** `/v1/audio`. */
export const audioRoutes: readonly Route[] = [
  route("transcriptions", "Write down the speech in a sound", transcriptionFields),
  route("translations", "Write down the speech in a sound in English", translationFields),
];
