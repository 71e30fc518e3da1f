import { assertEquals, assertRejects } from "@std/assert";
import { encodeBase64 } from "@std/encoding/base64";
import OpenAI, { BadRequestError } from "test:openai";
import type { SequenceRequest } from "../../src/engine/protocol/mod.ts";
import { chord, wav } from "../support/sounds.ts";
import { doubleServer } from "./double_server.ts";

const SOUND = wav(0.2, chord(1));

const HEARS = { vision: false, audio: true, refusal: null };

/** A client of a server whose model hears, and what its engine is asked. */
function hearing() {
  const asked: SequenceRequest[] = [];
  const server = doubleServer({
    engine: {
      info: { media: HEARS },
      script: (request: SequenceRequest) => {
        asked.push(request);
        return { tokens: ["Hello", " world"] };
      },
    },
  });
  const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "none", maxRetries: 0 });
  return { asked, client, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

const file = () => new File([SOUND], "question.wav", { type: "audio/wav" });

/** The bytes of the only sound of a prompt. */
function soundOf({ prompt }: SequenceRequest): Uint8Array {
  const [media] = prompt.flatMap((part) => "media" in part ? [part.media] : []);
  return media!.bytes;
}

Deno.test("openai: transcriptions and translations", async () => {
  await using server = hearing();
  const { audio } = server.client;
  const plain = await audio.transcriptions.create({ file: file(), model: "double" });
  assertEquals(plain.text, "Hello world");
  const verbose = await audio.transcriptions.create({
    file: file(),
    model: "double",
    response_format: "verbose_json",
    timestamp_granularities: ["segment"],
  });
  assertEquals(verbose.segments?.map(({ text }) => text), ["Hello world"]);
  const srt = await audio.transcriptions.create({
    file: file(),
    model: "double",
    response_format: "srt",
  });
  assertEquals(String(srt).split("\n")[2], "Hello world");
  const english = await audio.translations.create({ file: file(), model: "double" });
  assertEquals(english.text, "Hello world");
  for (const request of server.asked) assertEquals(soundOf(request), SOUND);
});

Deno.test("openai: a streamed transcription", async () => {
  await using server = hearing();
  const stream = await server.client.audio.transcriptions.create({
    file: file(),
    model: "double",
    stream: true,
  });
  const events = await Array.fromAsync(stream);
  assertEquals(
    events.map((event) => event.type === "transcript.text.delta" ? event.delta : event.type),
    ["Hello", " world", "transcript.text.done"],
  );
});

Deno.test("openai: a sound in a message", async () => {
  await using server = hearing();
  const data = encodeBase64(SOUND);
  const answer = await server.client.chat.completions.create({
    model: "double",
    messages: [{
      role: "user",
      content: [
        { type: "text", text: "What is this?" },
        { type: "input_audio", input_audio: { data, format: "wav" } },
      ],
    }],
  });
  assertEquals(answer.choices[0]?.message.content, "Hello world");
  assertEquals(soundOf(server.asked[0]!), SOUND);
});

Deno.test("openai: a model that does not hear is a bad request", async () => {
  await using server = doubleServer({});
  const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "none", maxRetries: 0 });
  const error = await assertRejects(
    () => client.audio.transcriptions.create({ file: file(), model: "double" }),
    BadRequestError,
  );
  assertEquals(error.param, "file");
});
