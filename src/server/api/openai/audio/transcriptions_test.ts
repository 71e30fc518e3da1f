import { assertEquals, assertMatch } from "@std/assert";
import type { EngineDoubleOptions } from "../../../../../tests/doubles/engine.ts";
import { readEvents, serverDouble } from "../../../../../tests/doubles/server.ts";
import type { SequenceRequest } from "../../../../engine/protocol/mod.ts";
import { openaiRoutes } from "../mod.ts";

const HEARS = { media: { vision: false, audio: true, refusal: null } };
const SOUND = new Uint8Array([1, 2, 3]);

interface Sent {
  readonly response: Response;
  /** What the engine was asked. */
  readonly asked: readonly SequenceRequest[];
}

/** Sends a form with a sound. */
async function transcribe(
  fields: Readonly<Record<string, string | readonly string[]>> = {},
  {
    path = "/v1/audio/transcriptions",
    file = SOUND as Uint8Array<ArrayBuffer> | null,
    headers = {} as HeadersInit,
    engine = { info: HEARS } as EngineDoubleOptions,
  } = {},
): Promise<Sent> {
  const asked: SequenceRequest[] = [];
  const { handler } = serverDouble({
    routes: openaiRoutes,
    engine: {
      script: (request) => {
        asked.push(request);
        return { tokens: ["Hello", " world"] };
      },
      ...engine,
    },
  });
  const form = new FormData();
  if (file !== null) form.set("file", new File([file], "a.wav"));
  for (const [name, value] of Object.entries(fields)) {
    for (const one of [value].flat()) form.append(name, one);
  }
  const request = new Request(`http://127.0.0.1${path}`, { method: "POST", body: form, headers });
  return { response: await handler(request), asked };
}

/** The prompt of a request as text, with the field of a sound in its place. */
function promptOf({ prompt }: SequenceRequest): string {
  return prompt.map((part) =>
    "text" in part ? part.text : "media" in part ? `[${part.media.type} ${part.media.field}]` : ""
  ).join("");
}

async function failure(sent: Promise<Sent>): Promise<readonly [number, string, string | null]> {
  const { response } = await sent;
  const { error } = await response.json();
  return [response.status, error.message, error.param];
}

Deno.test("a transcript has OpenAI's shape, and the sound is after the instruction", async () => {
  const { response, asked } = await transcribe({ model: "double" });
  assertEquals(response.status, 200);
  const { text, usage, ...rest } = await response.json();
  assertEquals([text, rest], ["Hello world", {}]);
  assertEquals(usage.type, "tokens");
  assertEquals(usage.total_tokens, usage.input_tokens + 2);
  assertEquals(usage.input_token_details, {
    text_tokens: usage.input_tokens,
    audio_tokens: 0,
  });
  assertMatch(promptOf(asked[0]!), /Transcribe audio to text\[audio file\]/);
  assertEquals(asked[0]!.sampling.temperature, 0);
});

Deno.test("language, prompt, temperature and the limit reach the model", async () => {
  const { asked } = await transcribe({
    language: "de",
    prompt: "Shimmy",
    temperature: "0.5",
    max_tokens: "7",
  });
  assertMatch(
    promptOf(asked[0]!),
    /Transcribe audio to text \(language: de\)\nContext: Shimmy\[audio file\]/,
  );
  assertEquals([asked[0]!.sampling.temperature, asked[0]!.maxTokens], [0.5, 7]);
});

Deno.test("a translation asks for English", async () => {
  const { response, asked } = await transcribe(
    { response_format: "verbose_json" },
    { path: "/v1/audio/translations" },
  );
  assertMatch(promptOf(asked[0]!), /Translate audio to English text\[audio file\]/);
  const { task, language } = await response.json();
  assertEquals([task, language], ["translate", "english"]);
});

Deno.test("each response format has the whole text", async () => {
  const formats = {
    text: "Hello world\n",
    srt: "1\n00:00:00,000 --> 00:00:00,000\nHello world\n\n",
    vtt: "WEBVTT\n\n00:00:00.000 --> 00:00:00.000\nHello world\n\n",
  };
  for (const [response_format, expected] of Object.entries(formats)) {
    const { response } = await transcribe({ response_format });
    assertEquals(response.headers.get("content-type"), "text/plain; charset=utf-8");
    assertEquals(await response.text(), expected);
  }
  const { response } = await transcribe({ response_format: "verbose_json", language: "en" });
  const { usage: _, ...verbose } = await response.json();
  assertEquals(verbose, {
    text: "Hello world",
    task: "transcribe",
    language: "en",
    duration: 0,
    segments: [{ id: 0, start: 0, end: 0, text: "Hello world" }],
  });
});

Deno.test("a stream has the pieces and then the whole", async () => {
  const { response } = await transcribe({ stream: "true" });
  const events = (await readEvents(response)).map(({ event, data }) => ({
    event,
    ...JSON.parse(data),
  }));
  const { usage, ...done } = events.pop();
  assertEquals(done, {
    event: "transcript.text.done",
    type: "transcript.text.done",
    text: "Hello world",
  });
  assertEquals(usage.output_tokens, 2);
  assertEquals(events.map(({ event, delta }) => [event, delta]), [
    ["transcript.text.delta", "Hello"],
    ["transcript.text.delta", " world"],
  ]);
});

Deno.test("fields without effect are reported, and refused in strict mode", async () => {
  const fields = {
    "timestamp_granularities[]": ["word", "segment"],
    "include[]": ["logprobs"],
    known_speaker_names: "x",
  };
  const { response } = await transcribe(fields);
  assertEquals(response.status, 200);
  const ignored = response.headers.get("x-shimmy-ignored")!.split(", ").sort();
  assertEquals(ignored, ["include", "known_speaker_names", "timestamp_granularities"]);
  const [status] = await failure(transcribe(fields, { headers: { "x-shimmy-strict": "1" } }));
  assertEquals(status, 400);
});

Deno.test("wrong forms are refused with the field", async () => {
  assertEquals(await failure(transcribe({}, { file: null })), [
    400,
    "file: is missing; must be a file",
    "file",
  ]);
  assertEquals(await failure(transcribe({ file: "text" }, { file: null })), [
    400,
    "file: must be a file",
    "file",
  ]);
  for (
    const [fields, field] of [
      [{ temperature: "hot" }, "temperature"],
      [{ temperature: "3" }, "temperature"],
      [{ stream: "maybe" }, "stream"],
      [{ response_format: "diarized_json" }, "response_format"],
      [{ response_format: "srt", stream: "true" }, "stream"],
      [{ max_tokens: "0" }, "max_tokens"],
    ] as const
  ) {
    const [status, message, param] = await failure(transcribe(fields));
    assertEquals([status, param], [400, field], message);
  }
});

Deno.test("a model that does not hear refuses by name", async () => {
  assertEquals(await failure(transcribe({}, { engine: {} })), [
    400,
    "file: the model reads no audio: it has no projector (mmproj)",
    "file",
  ]);
  const sees = { info: { media: { vision: true, audio: false, refusal: null } } };
  assertEquals(await failure(transcribe({}, { engine: sees })), [
    400,
    "file: the model reads no audio: its projector has no encoder for it",
    "file",
  ]);
});

Deno.test("the instruction of LFM2-Audio is a system message", async () => {
  const chatTemplate = "{# <|tool_list_start|><|tool_list_end|> #}" +
    "{% for message in messages %}<{{ message.role }}>{{ message.content }}{% endfor %}";
  const engine = { info: { ...HEARS, chatTemplate } };
  const told = async (fields: Record<string, string>, path?: string) => {
    const { asked } = await transcribe(fields, path === undefined ? { engine } : { engine, path });
    return promptOf(asked[0]!);
  };
  assertEquals(await told({}), "<system>Perform ASR.<user>[audio file]");
  assertEquals(
    await told({ language: "en", prompt: "names" }),
    "<system>Perform ASR.<user>(language: en)\nContext: names[audio file]",
  );
  // It has none for translations.
  assertEquals(
    await told({}, "/v1/audio/translations"),
    "<user>Translate audio to English text[audio file]",
  );
});
