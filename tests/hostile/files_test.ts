/** Model files that lie, are no files, or go away while a server uses them. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { childrenOf, Machine, Server } from "../cli/machine.ts";
import { TINY } from "../support/engine.ts";
import { writeLongModel } from "./inputs.ts";

const ASK = { prompt: "What is the capital of France?", temperature: 0 };
const PARIS = "The capital of France is Paris.";

async function modelsFolder(machine: Machine): Promise<string> {
  const folder = join(machine.home, "models");
  await Deno.mkdir(folder);
  return folder;
}

async function json(server: Server, path: string, method = "GET") {
  const response = await fetch(server.url(path), { method });
  return { status: response.status, body: await response.json() };
}

Deno.test("a header with a false context length takes no more memory than the file makes plausible", async () => {
  await using machine = await Machine.start();
  await writeLongModel(join(await modelsFolder(machine), "liar.gguf"), 2 ** 31 - 1);
  await using server = await Server.start(machine);
  const answer = await (await server.generate({ ...ASK, model: "liar" })).json();
  assertEquals(answer.response, PARIS);
  const { body } = await json(server, "/api/models/liar/status");
  const { kv_bytes } = body.loaded.context;
  assert(kv_bytes > 0 && kv_bytes <= 128 * 2 ** 20, `${kv_bytes} bytes`);
});

Deno.test({
  name: "pipes and sockets in a folder of models are skipped, and block nothing",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using machine = await Machine.start();
    const folder = await modelsFolder(machine);
    const pipe = new Deno.Command("mkfifo", { args: [join(folder, "pipe.gguf")] });
    assertEquals((await pipe.output()).code, 0);
    using _socket = Deno.listen({ transport: "unix", path: join(folder, "socket.gguf") });
    await Deno.copyFile(TINY, join(folder, "real.gguf"));
    await using server = await Server.start(machine);
    const { body } = await json(server, "/api/models");
    const names = body.models.map(({ name }: { name: string }) => name);
    assertEquals(names.filter((name: string) => /pipe|socket/.test(name)), []);
    assertEquals((await (await server.generate({ ...ASK, model: "real" })).json()).response, PARIS);
    const asked = await machine.run(["generate", "--name", join(folder, "pipe.gguf")], {
      input: "Hi",
    });
    assertEquals(asked.code, 1);
    assertStringIncludes(asked.stderr, "not a file");
  },
});

Deno.test({
  name: "a loaded model whose file is deleted is listed as removed and can be unloaded",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using machine = await Machine.start();
    const path = join(await modelsFolder(machine), "gone.gguf");
    await Deno.copyFile(TINY, path);
    await using server = await Server.start(machine);
    assertEquals((await (await server.generate({ ...ASK, model: "gone" })).json()).response, PARIS);
    const before = await childrenOf(server.pid);
    await Deno.remove(path);
    const { body } = await json(server, "/api/models/discover", "POST");
    const found = body.models.find(({ name }: { name: string }) => name === "gone");
    assertEquals([found.state, found.removed], ["loaded", true]);
    const unloaded = await json(server, "/api/models/gone/unload", "POST");
    assertEquals([unloaded.status, unloaded.body.unloaded], [200, true]);
    const after = await childrenOf(server.pid);
    assert(after.length < before.length, `${before} ${after}`);
    assertEquals((await json(server, "/api/models/gone/status")).status, 404);
  },
});
