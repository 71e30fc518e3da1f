/** Images in the requests of each dialect, to a server with one process per model. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { encodeBase64 } from "@std/encoding/base64";
import { join } from "@std/path";
import { pattern, png } from "../support/pictures.ts";
import { ask, type Dialect, served } from "./serving.ts";
import { MEDIA_FOLDER, withModel } from "./setup.ts";

const options = { ignore: MEDIA_FOLDER === null };

const image = png(40, 30, pattern(1));
const data = encodeBase64(image);
const url = `data:image/png;base64,${data}`;
const TEXT = "what is this";
const source = { type: "base64", media_type: "image/png", data };

const DIALECTS: Readonly<Record<string, Dialect>> = {
  openai: {
    path: "/v1/chat/completions",
    body: {
      max_tokens: 12,
      messages: [{
        role: "user",
        content: [{ type: "image_url", image_url: { url } }, { type: "text", text: TEXT }],
      }],
    },
    text: ({ choices }) => choices[0].message.content,
  },
  responses: {
    path: "/v1/responses",
    body: {
      max_output_tokens: 12,
      input: [{
        role: "user",
        content: [{ type: "input_image", image_url: url }, { type: "input_text", text: TEXT }],
      }],
    },
    text: ({ output }) => output.at(-1).content[0].text,
  },
  anthropic: {
    path: "/v1/messages",
    body: {
      max_tokens: 12,
      messages: [{
        role: "user",
        content: [{ type: "image", source }, { type: "text", text: TEXT }],
      }],
    },
    text: ({ content }) => content.at(-1).text,
  },
  ollama: {
    path: "/api/chat",
    body: {
      stream: false,
      options: { num_predict: 12, temperature: 0 },
      messages: [{ role: "user", content: TEXT, images: [data] }],
    },
    text: ({ message }) => message.content,
  },
  native: {
    path: "/api/generate",
    body: {
      max_tokens: 12,
      messages: [{ role: "user", content: TEXT, images: [url] }],
      stream: false,
    },
    text: ({ response }) => response,
  },
};

Deno.test(
  "each dialect reads the same image, which is computed once",
  options,
  () =>
    withModel("mlp", async (files) => {
      await using running = await served(files);
      const { server } = running;
      const texts: Record<string, string> = {};
      for (const [name, dialect] of Object.entries(DIALECTS)) {
        const response = await ask(server, dialect);
        const answer = await response.json();
        assertEquals(response.status, 200, JSON.stringify(answer));
        texts[name] = dialect.text(answer);
        if (name === "native") {
          assert(answer.usage.cached_tokens > 16, JSON.stringify(answer.usage));
        }
      }
      assert(texts.openai!.length > 0);
      assertEquals(
        texts,
        Object.fromEntries(Object.keys(texts).map((name) => [name, texts.openai])),
      );
      const models = await (await fetch(server.url("/v1/models"))).json();
      assertEquals(models.data[0].capabilities.vision, true);
    }),
);

Deno.test(
  "a model without a projector refuses images in each dialect",
  options,
  () =>
    withModel("mlp", async (files) => {
      await using running = await served(files, ["--no-mmproj"]);
      for (const dialect of Object.values(DIALECTS)) {
        const response = await ask(running.server, dialect);
        const text = await response.text();
        assertEquals(response.status, 400, text);
        assertStringIncludes(text, "the model reads no images: it has no projector (mmproj)");
      }
    }),
);

Deno.test(
  "generate --image answers like the server",
  options,
  () =>
    withModel("mlp", async (files) => {
      await using running = await served(files);
      const { machine, server } = running;
      await Deno.writeFile(join(machine.home, "picture.png"), image);
      const model = [files.model, "--mmproj", files.projector, "--local"];
      const asked = [
        "--image",
        "picture.png",
        "-p",
        TEXT,
        "--temperature",
        "0",
        "--max-tokens",
        "12",
      ];
      const { code, stdout, stderr } = await machine.run(["generate", ...model, ...asked], {
        env: { SHIMMY_LIBLLAMA: MEDIA_FOLDER! },
      });
      assertEquals(code, 0, stderr);
      const expected = await (await ask(server, DIALECTS.openai!)).json();
      assertEquals(stdout.trim(), DIALECTS.openai!.text(expected).trim());
    }),
);

Deno.test(
  "without libmtmd, a model with a projector starts and says how to read images",
  options,
  () =>
    withModel("mlp", async (files) => {
      const folder = await Deno.makeTempDir();
      try {
        for (const { name } of Deno.readDirSync(MEDIA_FOLDER!)) {
          if (!/mtmd|llama-/.test(name)) {
            await Deno.symlink(join(MEDIA_FOLDER!, name), join(folder, name));
          }
        }
        await using running = await served(files, [], folder);
        const response = await ask(running.server, DIALECTS.openai!);
        assertEquals(response.status, 400);
        assertStringIncludes(await response.text(), "shimmy runtime install VARIANT --archive");
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    }),
);
