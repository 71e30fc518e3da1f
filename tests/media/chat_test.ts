/** Images and sounds in the chat of the terminal, in this process and with a server. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { Machine, Server } from "../cli/machine.ts";
import { pattern, png } from "../support/pictures.ts";
import { chord, wav } from "../support/sounds.ts";
import { withAudioModel } from "./audio_setup.ts";
import { MEDIA_FOLDER, withModel } from "./setup.ts";

const options = { ignore: MEDIA_FOLDER === null };

const SAMPLING = ["--temperature", "0", "--max-tokens", "12"];
const TEXT = "what is this";

Deno.test(
  "/image and --image attach an image, which stays in the conversation",
  options,
  () =>
    withModel("mlp", async ({ model, projector }) => {
      await using machine = await Machine.start();
      const env = { SHIMMY_LIBLLAMA: MEDIA_FOLDER! };
      await using server = await Server.start(
        machine,
        ["--port", "0", "--model-path", model, "--lookup", "off"],
        env,
      );
      await Deno.writeFile(join(machine.home, "picture.png"), png(40, 30, pattern(1)));
      const image = ["--image", "picture.png"];
      const places = [
        [model, "--mmproj", projector, "--local", "--lookup", "off"],
        ["--host", server.address],
      ];
      const run = async (args: string[], input: string) => {
        const { code, stdout, stderr } = await machine.run(args, { env, input });
        assertEquals(code, 0, stderr);
        return { text: stdout, notes: stderr };
      };
      const texts: string[] = [];
      for (const place of places) {
        const { text } = await run(["generate", ...place, ...image, ...SAMPLING], TEXT);
        const lines = ["/image picture.png", TEXT, "/tokens", "/retry", "/bye", ""].join("\n");
        const attached = await run(["chat", ...place, ...SAMPLING], lines);
        assertStringIncludes(attached.notes, "Attached 'picture.png' (PNG, 40 x 30 pixels)");
        // The answer, and that of /retry.
        assertEquals(attached.text, text + text);
        assert(Number(/(\d+) of \d+ tokens/.exec(attached.notes)![1]) > 16, attached.notes);
        const option = await run(["chat", ...place, ...image, ...SAMPLING], `${TEXT}\n`);
        assertEquals(option.text, text);
        texts.push(text);
      }
      assertEquals(texts[0], texts[1]);
      assert(texts[0]!.length > 0);
    }),
);

Deno.test(
  "/audio and --audio attach a sound, which stays in the conversation and its file",
  options,
  () =>
    withAudioModel("ultravox", async ({ model, projector }) => {
      await using machine = await Machine.start();
      const env = { SHIMMY_LIBLLAMA: MEDIA_FOLDER! };
      await using server = await Server.start(
        machine,
        ["--port", "0", "--model-path", model, "--lookup", "off"],
        env,
      );
      await Deno.writeFile(join(machine.home, "cry.wav"), wav(0.5, chord(1)));
      await Deno.writeTextFile(join(machine.home, "broken.wav"), "RIFF");
      const sound = ["--audio", "cry.wav"];
      const places = [
        [model, "--mmproj", projector, "--local", "--lookup", "off"],
        ["--host", server.address],
      ];
      const run = async (args: string[], input: string) => {
        const { code, stdout, stderr } = await machine.run(args, { env, input });
        assertEquals(code, 0, stderr);
        return { text: stdout, notes: stderr };
      };
      const texts: string[] = [];
      for (const [index, place] of places.entries()) {
        const { text } = await run(["generate", ...place, ...sound, ...SAMPLING], TEXT);
        const name = `sounds${index}`;
        const lines = [
          "/audio broken.wav",
          "/audio",
          "/image cry.wav",
          "/help",
          "/audio cry.wav",
          TEXT,
          `/save ${name}`,
          "/undo",
          `/resume ${name}`,
          "/retry",
          "/bye",
          "",
        ].join("\n");
        const attached = await run(["chat", ...place, ...SAMPLING], lines);
        assertStringIncludes(attached.notes, "Cannot attach 'broken.wav': the sound ");
        assertStringIncludes(attached.notes, "/audio: PATH is missing.");
        assertStringIncludes(attached.notes, "Cannot attach 'cry.wav': the model reads no images");
        assertStringIncludes(attached.notes, "attach a sound to the next question");
        assertStringIncludes(attached.notes, "Attached 'cry.wav' (WAV, 0.5 seconds)");
        assertStringIncludes(attached.notes, `${TEXT} (with 1 sound)`);
        // The answer, and that of /retry in the conversation that was saved.
        assertEquals(attached.text, text + text);
        const option = await run(["chat", ...place, ...sound, ...SAMPLING], `${TEXT}\n`);
        assertEquals(option.text, text);
        texts.push(text);
      }
      assertEquals(texts[0], texts[1]);
      assert(texts[0]!.length > 0);
    }),
);
