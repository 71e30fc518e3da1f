/** Receipts of answers about images and sounds, verified on the command line. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { encodeBase64 } from "@std/encoding/base64";
import { join } from "node:path";
import type { Receipt } from "../../src/receipts/receipt.ts";
import { sha256Hex } from "../../src/receipts/canonical.ts";
import { save } from "../e2e/saved_answer.ts";
import { pattern, png } from "../support/pictures.ts";
import { chord, wav } from "../support/sounds.ts";
import { towerFile } from "../models/towers.ts";
import { withAudioModel } from "./audio_setup.ts";
import { served } from "./serving.ts";
import { MEDIA_FOLDER, withModel } from "./setup.ts";

const options = { ignore: MEDIA_FOLDER === null };
const env = { SHIMMY_LIBLLAMA: MEDIA_FOLDER ?? "" };

const urlOf = (seed: number) => `data:image/png;base64,${encodeBase64(png(40, 30, pattern(seed)))}`;

/** A question about two images. */
const question = (...urls: string[]) => ({
  model: "model",
  max_tokens: 12,
  temperature: 1.1,
  receipt: true,
  messages: [{
    role: "user",
    content: [
      ...urls.map((url) => ({ type: "image_url", image_url: { url } })),
      { type: "text", text: "what is this" },
    ],
  }],
});

Deno.test(
  "an answer about images is verified, also when the prefix cache had them",
  options,
  () =>
    withModel("mlp", async (files) => {
      await using place = await served(files);
      const { machine, server } = place;
      const path = "/v1/chat/completions";
      // Another image first, so that the rows have other numbers than in the process that verifies.
      await save(machine, server, path, question(urlOf(3)));
      const first = await save(machine, server, path, question(urlOf(1), urlOf(2)));
      const again = await save(machine, server, path, { ...question(urlOf(1), urlOf(2)), seed: 4 });
      // As a file that replaces the projector would have another time.
      await Deno.utime(files.projector, 1, 1);
      const replaced = await fetch(server.url(path), {
        method: "POST",
        body: JSON.stringify(question(urlOf(1))),
      });
      assertEquals((await replaced.json()).receipt, {
        error: "A file of the model has changed since it was loaded; unload the model",
      });
      server.kill("SIGKILL");
      const { receipt } = JSON.parse(first.text) as { receipt: Receipt };
      assertEquals(receipt.media, [
        { type: "image", sha256: await sha256Hex(png(40, 30, pattern(1))) },
        { type: "image", sha256: await sha256Hex(png(40, 30, pattern(2))) },
      ]);
      assertEquals(receipt.model.projector, await sha256Hex(await Deno.readFile(files.projector)));
      const verify = ({ request, response }: typeof first, ...args: string[]) =>
        machine.run(["verify", response, request, "--model", files.model, ...args], { env });
      for (const one of [first, again]) {
        const { code, stdout, stderr } = await verify(one);
        assertMatch(stdout, /^identical: \d+ tokens\n$/, stdout + stderr);
        assertEquals(code, 0);
      }
      const left = await verify(first, "--image", files.model);
      assertEquals(left.code, 1);
      assertStringIncludes(left.stderr, "--image: the request has fewer images at URLs");
      const other = towerFile("mlp");
      // A weight of the last tensor.
      other.fill(0x3c, other.length - 400);
      await Deno.writeFile(files.projector, other);
      const { code, stdout } = await verify(first);
      assertEquals(code, 1);
      assertMatch(stdout, /the projector: [0-9a-f]{64} in the receipt, [0-9a-f]{64} now/);
    }),
);

Deno.test(
  "an answer about a sound, and a transcription, are verified",
  options,
  () =>
    withAudioModel("ultravox", async (files) => {
      await using place = await served(files);
      const { machine, server } = place;
      const sound = wav(0.5, chord(1));
      const chat = await save(machine, server, "/api/generate", {
        model: "model",
        prompt: "what is this",
        audio: [encodeBase64(sound)],
        max_tokens: 12,
        stream: false,
        receipt: true,
      });
      const fields = { model: "model", max_tokens: "12", temperature: "0.7", receipt: "true" };
      const form = new FormData();
      for (const [name, value] of Object.entries(fields)) form.append(name, value);
      form.append("file", new Blob([sound]), "sound.wav");
      const answered = await fetch(server.url("/v1/audio/transcriptions"), {
        method: "POST",
        body: form,
      });
      const text = await answered.text();
      assertEquals(answered.status, 200, text);
      server.kill("SIGKILL");
      const file = async (name: string, content: string | Uint8Array) => {
        const path = join(machine.home, name);
        await Deno.writeFile(
          path,
          typeof content === "string" ? new TextEncoder().encode(content) : content,
        );
        return path;
      };
      const verify = (...args: string[]) =>
        machine.run(["verify", ...args, "--model", files.model], { env });
      const spoken = await verify(chat.response, chat.request);
      assertMatch(spoken.stdout, /^identical: \d+ tokens\n$/, spoken.stdout + spoken.stderr);
      const [response, request] = [
        await file("transcript.json", text),
        await file("fields.json", JSON.stringify(fields)),
      ];
      const digest = await sha256Hex(sound);
      const missing = await verify(response, request);
      assertEquals(missing.code, 1);
      assertStringIncludes(missing.stderr, `--audio FILE; the receipt names audio ${digest}`);
      const given = await verify(response, request, "--audio", await file("a.wav", sound));
      assertMatch(given.stdout, /^identical: \d+ tokens\n$/, given.stdout + given.stderr);
      const wrong = await verify(
        response,
        request,
        "--audio",
        await file("b.wav", wav(0.5, chord(2))),
      );
      assertEquals(wrong.code, 1);
      assertStringIncludes(wrong.stdout, `file 1: audio ${digest} in the receipt, audio `);
    }),
);
