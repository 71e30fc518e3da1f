import { Ollama, type ProgressResponse } from "test:ollama";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { createStore } from "../../src/models/pull/mod.ts";
import { HubDouble, sha256 } from "../doubles/hub.ts";
import { model } from "../models/machine.ts";
import { MODEL, tinyServer } from "./tiny_server.ts";

/** The client leaves a stream at its last line; this reads on to the end behind it. */
const readingOn: typeof fetch = async (input, init) => {
  const response = await fetch(input, init);
  const bytes = await response.arrayBuffer();
  return new Response(bytes.byteLength === 0 ? null : bytes, response);
};

Deno.test("ollama: pull reports progress, and delete refuses the built-in model", async () => {
  await using hub = new HubDouble();
  const folder = await Deno.makeTempDir();
  try {
    const bytes = model(1) as Uint8Array<ArrayBuffer>;
    hub.models.set("library/little:1b", { layers: [{ kind: "model", bytes }] });
    const env = hub.env(folder);
    const store = createStore({
      env: (name) => env[name],
      home: env.HOME,
      cacheFolder: () => `${folder}/cache`,
    });
    await using server = tinyServer({}, { store });
    const client = new Ollama({ host: server.url, fetch: readingOn });
    const parts: ProgressResponse[] = [];
    for await (const part of await client.pull({ model: "little:1b", stream: true })) {
      parts.push(part);
    }
    assertEquals([parts[0]?.status, parts.at(-1)?.status], ["pulling manifest", "success"]);
    const weights = parts.filter(({ digest }) => digest === `sha256:${sha256(bytes)}`);
    assert(weights.length > 0);
    assertEquals(weights.at(-1)?.completed, bytes.length);
    assertEquals(weights.at(-1)?.total, bytes.length);
    assertEquals(await client.pull({ model: "little:1b" }), { status: "success" } as never);
    await assertRejects(() => client.pull({ model: "nothing" }), Error, "does not exist");
    await assertRejects(() => client.delete({ model: MODEL }), Error, "is built in");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
