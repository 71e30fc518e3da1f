/** Images in the requests of each dialect, to a server with one process per model. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { encodeBase64 } from "@std/encoding/base64";
import { join } from "node:path";
import { AUTHORITY, CERTIFICATES } from "../support/certificates.ts";
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

/** Bodies with an image at a URL, by the route. */
const atUrl = (url: string): Readonly<Record<string, Dialect>> => ({
  openai: {
    ...DIALECTS.openai!,
    body: {
      max_tokens: 12,
      messages: [{
        role: "user",
        content: [{ type: "image_url", image_url: { url } }, { type: "text", text: TEXT }],
      }],
    },
  },
  responses: {
    ...DIALECTS.responses!,
    body: {
      max_output_tokens: 12,
      input: [{
        role: "user",
        content: [{ type: "input_image", image_url: url }, { type: "input_text", text: TEXT }],
      }],
    },
  },
  anthropic: {
    ...DIALECTS.anthropic!,
    body: {
      max_tokens: 12,
      messages: [{
        role: "user",
        content: [{ type: "image", source: { type: "url", url } }, { type: "text", text: TEXT }],
      }],
    },
  },
  native: {
    ...DIALECTS.native!,
    body: {
      max_tokens: 12,
      messages: [{ role: "user", content: TEXT, images: [url] }],
      stream: false,
    },
  },
});

Deno.test(
  "images at URLs are fetched from allowed hosts, also over TLS, and refused otherwise",
  options,
  () =>
    withModel("mlp", async (files) => {
      let asked = 0;
      const onListen = () => {};
      const answer = () => {
        asked++;
        return new Response(image);
      };
      const { cert, key } = CERTIFICATES[0];
      await using plain = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen }, answer);
      await using secure = Deno.serve(
        { hostname: "127.0.0.1", port: 0, onListen, cert, key },
        answer,
      );
      const authority = await Deno.makeTempFile();
      await Deno.writeTextFile(authority, AUTHORITY);
      const [host, secureHost] = [plain, secure].map(({ addr }) => `127.0.0.1:${addr.port}`);
      const allowed = ["--allow-remote-media", `${host},${secureHost}`];
      const env = { DENO_CERT: authority };
      try {
        await using running = await served(files, allowed, MEDIA_FOLDER!, env);
        const expected = await (await ask(running.server, DIALECTS.openai!)).json();
        const text = DIALECTS.openai!.text(expected);
        for (const url of [`http://${host}/a.png`, `https://${secureHost}/a.png`]) {
          for (const dialect of Object.values(atUrl(url))) {
            const response = await ask(running.server, dialect);
            const body = await response.json();
            assertEquals(response.status, 200, JSON.stringify(body));
            assertEquals(dialect.text(body), text);
          }
        }
        assertEquals(asked, 8);
        const other = await ask(running.server, atUrl("http://127.0.0.1:1/a.png").openai!);
        assertEquals(other.status, 400);
        assertStringIncludes(await other.text(), "does not list the host 127.0.0.1:1");
      } finally {
        await Deno.remove(authority);
      }
      await using closed = await served(files);
      for (const dialect of Object.values(atUrl(`http://${host}/a.png`))) {
        const response = await ask(closed.server, dialect);
        assertEquals(response.status, 400);
        assertStringIncludes(
          await response.text(),
          "start this server with --allow-remote-media HOST",
        );
      }
      assertEquals(asked, 8);
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
