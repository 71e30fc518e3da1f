/** Sounds in the requests of each dialect that has them, to a server with one process per model. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { encodeBase64 } from "@std/encoding/base64";
import { join } from "node:path";
import type { Server } from "../cli/machine.ts";
import { chord, wav } from "../support/sounds.ts";
import { withAudioModel } from "./audio_setup.ts";
import { ask, type Dialect, served } from "./serving.ts";
import { MEDIA_FOLDER, withModel } from "./setup.ts";

const options = { ignore: MEDIA_FOLDER === null };

const sound = wav(0.5, chord(1));
const data = encodeBase64(sound);
const TEXT = "what is this";
const part = { type: "input_audio", input_audio: { data, format: "wav" } };

const DIALECTS: Readonly<Record<string, Dialect>> = {
  openai: {
    path: "/v1/chat/completions",
    body: {
      max_tokens: 12,
      messages: [{ role: "user", content: [part, { type: "text", text: TEXT }] }],
    },
    text: ({ choices }) => choices[0].message.content,
  },
  responses: {
    path: "/v1/responses",
    body: {
      max_output_tokens: 12,
      input: [{ role: "user", content: [part, { type: "input_text", text: TEXT }] }],
    },
    text: ({ output }) => output.at(-1).content[0].text,
  },
  native: {
    path: "/api/generate",
    body: { max_tokens: 12, prompt: TEXT, audio: [data], stream: false },
    text: ({ response }) => response,
  },
  messages: {
    path: "/api/generate",
    body: {
      max_tokens: 12,
      messages: [{ role: "user", content: TEXT, audio: [`data:audio/wav;base64,${data}`] }],
      stream: false,
    },
    text: ({ response }) => response,
  },
};

/** The answer to a native request over a WebSocket. */
async function askSocket(server: Server): Promise<string> {
  const socket = new WebSocket(server.url("/ws/generate").replace("http", "ws"));
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let text = "";
  socket.onopen = () =>
    socket.send(JSON.stringify({
      model: "model",
      prompt: TEXT,
      audio: [data],
      max_tokens: 12,
      temperature: 0,
    }));
  socket.onerror = () => reject(new Error("The socket failed"));
  socket.onmessage = ({ data: frame }) => {
    if (frame.startsWith('{"error"')) reject(new Error(frame));
    if (frame.startsWith('{"done"')) resolve(text);
    else text += frame;
  };
  try {
    return await promise;
  } finally {
    socket.close();
    await new Promise((closed) => socket.onclose = closed);
  }
}

/** Sends the sound as a form. */
function transcribe(
  server: Server,
  fields: Readonly<Record<string, string>>,
  file: Uint8Array<ArrayBuffer> = sound,
): Promise<Response> {
  const form = new FormData();
  form.set("file", new File([file], "a.wav", { type: "audio/wav" }));
  for (const [name, value] of Object.entries(fields)) form.set(name, value);
  return fetch(server.url("/v1/audio/transcriptions"), { method: "POST", body: form });
}

Deno.test(
  "each dialect reads the same sound, which is computed once",
  options,
  () =>
    withAudioModel("ultravox", async (files) => {
      await using running = await served(files);
      const { server } = running;
      const texts: Record<string, string> = {};
      for (const [name, dialect] of Object.entries(DIALECTS)) {
        const response = await ask(server, dialect);
        const answer = await response.json();
        assertEquals(response.status, 200, JSON.stringify(answer));
        texts[name] = dialect.text(answer);
        if (name === "openai") {
          assertEquals(answer.usage.prompt_tokens_details.audio_tokens, 75);
        }
        if (name === "native") {
          assert(answer.usage.cached_tokens > 75, JSON.stringify(answer.usage));
          assertEquals([answer.usage.audio_tokens, answer.usage.audio_seconds], [75, 0.5]);
        }
      }
      texts.socket = await askSocket(server);
      assert(texts.openai!.length > 0);
      assertEquals(
        texts,
        Object.fromEntries(Object.keys(texts).map((name) => [name, texts.openai])),
      );
      const models = await (await fetch(server.url("/v1/models"))).json();
      assertEquals(models.data[0].capabilities.audio, true);
      assertEquals(models.data[0].capabilities.vision, false);
      const show = await fetch(server.url("/api/show"), {
        method: "POST",
        body: JSON.stringify({ model: "model" }),
      });
      assert((await show.json()).capabilities.includes("audio"));
    }),
);

Deno.test(
  "a sound is transcribed in each format, with its length",
  options,
  () =>
    withAudioModel("ultravox", async (files) => {
      await using running = await served(files);
      const { server } = running;
      const response = await transcribe(server, { model: "model", max_tokens: "8" });
      const { text, usage } = await response.json();
      assertEquals(response.status, 200);
      assertEquals([usage.input_token_details.audio_tokens, usage.output_tokens], [75, 8]);
      const verbose = await transcribe(server, {
        response_format: "verbose_json",
        max_tokens: "8",
      });
      const { duration, segments, text: same } = await verbose.json();
      assertEquals([duration, same, segments], [0.5, text, [{ id: 0, start: 0, end: 0.5, text }]]);
      const srt = await transcribe(server, { response_format: "srt", max_tokens: "8" });
      assertStringIncludes(await srt.text(), "00:00:00,000 --> 00:00:00,500\n");
      const damaged = await transcribe(server, {}, sound.subarray(0, 20).slice());
      assertEquals(damaged.status, 400);
      const { error } = await damaged.json();
      assertEquals([error.message, error.param], [
        "file: the sound cannot be decoded: its file is damaged",
        "file",
      ]);
    }),
);

Deno.test(
  "a model that reads no audio refuses sounds in each dialect",
  options,
  () =>
    withModel("mlp", async (files) => {
      await using running = await served(files);
      const reason = "the model reads no audio: its projector has no encoder for it";
      for (const dialect of Object.values(DIALECTS)) {
        const response = await ask(running.server, dialect);
        const text = await response.text();
        assertEquals(response.status, 400, text);
        assertStringIncludes(text, reason);
      }
      assertStringIncludes(await (await transcribe(running.server, {})).text(), reason);
    }),
);

Deno.test(
  "generate --audio answers like the server",
  options,
  () =>
    withAudioModel("ultravox", async (files) => {
      await using running = await served(files);
      const { machine, server } = running;
      await Deno.writeFile(join(machine.home, "sound.wav"), sound);
      const asked = [
        "--audio",
        "sound.wav",
        "-p",
        TEXT,
        "--temperature",
        "0",
        "--max-tokens",
        "12",
      ];
      const model = [files.model, "--mmproj", files.projector, "--local"];
      const { code, stdout, stderr } = await machine.run(["generate", ...model, ...asked], {
        env: { SHIMMY_LIBLLAMA: MEDIA_FOLDER! },
      });
      assertEquals(code, 0, stderr);
      const expected = await (await ask(server, DIALECTS.openai!)).json();
      assertEquals(stdout.trim(), DIALECTS.openai!.text(expected).trim());
      const missing = await machine.run(["generate", ...model, "--audio", "no.wav", "-p", TEXT]);
      assertEquals(missing.code, 2);
      assertStringIncludes(missing.stderr, "--audio: cannot read 'no.wav'");
    }),
);
