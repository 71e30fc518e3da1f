/** Two real models at once: through the pool with memory of the test's own, and through the server. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { describe, isModel } from "../../src/models/discovery/describe.ts";
import type { ModelEntry } from "../../src/models/entry/entry.ts";
import { KEEP_ALL } from "../../src/models/registry/load_policy.ts";
import { estimateMainMemory } from "../../src/models/memory/estimate.ts";
import { candidateOf } from "../../src/models/discovery/sources/folder.ts";
import { createPool } from "../../src/models/registry/registry.ts";
import { shardSet } from "../../src/models/entry/shards.ts";
import { Machine, Server } from "../cli/machine.ts";
import { mainMemory } from "../doubles/memory.ts";
import {
  ask,
  collect,
  iterating,
  loadEngine,
  question,
  TINY,
  TINY_F16,
  tinyOptions,
} from "../support/engine.ts";
import { until } from "../support/until.ts";

const FRANCE = "What is the capital of France?";

async function entryOf(path: string): Promise<ModelEntry> {
  const entry = await describe(candidateOf(shardSet(path)), "folder");
  assert(isModel(entry));
  return entry;
}

Deno.test("two models answer at once, and where memory has room for one they take turns", async () => {
  const models = [await entryOf(TINY), await entryOf(TINY_F16)];
  const [small, large] = models as [ModelEntry, ModelEntry];
  const options = await tinyOptions({ parallel: 1 });
  const need = (entry: ModelEntry) => estimateMainMemory(entry, options, 2 ** 40);
  const said: string[] = [];
  const policy = { ...KEEP_ALL, memory: mainMemory(need, () => 2 ** 40) };
  await using pool = createPool({
    discover: () => Promise.resolve({ models, skipped: [], sources: [] }),
    load: ({ paths }, load) => loadEngine({ ...options, modelPaths: paths }, load),
    loras: [],
    paths: "found",
    policy,
    log: (line) => said.push(line),
  });
  const answer = async (entry: ModelEntry) => {
    using lease = await pool.lease(entry);
    return (await collect(iterating(lease.engine).generate(ask(question(FRANCE))))).text;
  };
  const paris = "The capital of France is Paris.";
  assertEquals(await Promise.all(models.map(answer)), [paris, paris]);
  assertEquals(models.map((entry) => pool.state(entry).state), ["loaded", "loaded"]);
  assertEquals(pool.state(large).use?.bytes, await need(large));

  // From now on the larger of the two fills the memory by itself.
  const free = await need(large);
  for (const entry of models) await pool.unload(entry);
  await pool.configure(undefined, { ...policy, memory: mainMemory(need, () => free) });
  assertEquals(await Promise.all([small, large, small].map(answer)), [paris, paris, paris]);
  assert(said.some((line) => line.startsWith(`Unloading ${small.name}`)), said.join("\n"));
  assertEquals(
    models.filter((entry) => pool.state(entry).state === "loaded").length,
    1,
    said.join("\n"),
  );
});

interface Running {
  readonly name: string;
  readonly context_length: number;
  readonly expires_at: string;
}

/** A server on a machine whose settings are those of a file. */
async function configured(machine: Machine, body: unknown): Promise<Server> {
  await Deno.writeTextFile(join(machine.home, "shimmy.json"), JSON.stringify(body));
  return await Server.start(machine, []);
}

async function running(server: Server): Promise<Running[]> {
  const { models } = await (await fetch(server.url("/ollama/api/ps"))).json();
  return models.sort((a: Running, b: Running) => a.name.localeCompare(b.name));
}

async function names(server: Server): Promise<string[]> {
  return (await running(server)).map(({ name }) => name);
}

async function reply(server: Server, model: string, more: object = {}): Promise<string> {
  const response = await fetch(server.url("/api/chat"), {
    method: "POST",
    body: JSON.stringify({
      model,
      messages: [{ role: "user", content: FRANCE }],
      stream: false,
      options: { temperature: 0 },
      ...more,
    }),
  });
  const text = await response.text();
  assertEquals(response.status, 200, text);
  return JSON.parse(text).message.content;
}

Deno.test("a configured server has several models, unloads idle ones and reads its file again", async () => {
  await using machine = await Machine.start();
  await Deno.copyFile(TINY_F16, join(machine.home, "large.gguf"));
  const file = {
    models: { large: { path: "large.gguf", alias: "gpt-4", ctx: 512, parallel: 1 } },
    server: { port: 0, parallel: 2, "keep-alive": "-1" },
  };
  await using server = await configured(machine, file);
  assertEquals(await reply(server, "gpt-4"), "The capital of France is Paris.");
  assertEquals(await reply(server, "shimmy-tiny"), "The capital of France is Paris.");
  const both = await running(server);
  assertEquals(both.map(({ name, context_length }) => [name, context_length]), [
    ["large:latest", 512],
    ["shimmy-tiny:latest", 1024],
  ]);
  assertEquals(new Date(both[0]!.expires_at).getUTCFullYear(), 9999);

  // Idle for as long as a request asked: it goes, and the other stays.
  await reply(server, "shimmy-tiny", { keep_alive: "300ms" });
  await until(async () => (await names(server)).length === 1);
  assertEquals(await names(server), ["large:latest"]);

  // A changed file: another context and alias, and the model under the old settings goes.
  const changed = {
    ...file,
    models: { large: { path: "large.gguf", ctx: 256, parallel: 1, defaults: { temperature: 0 } } },
    aliases: { gpt: "large" },
    server: { ...file.server, "max-models": 1 },
  };
  const path = join(machine.home, "shimmy.json");
  await Deno.writeTextFile(`${path}.new`, JSON.stringify(changed));
  await Deno.rename(`${path}.new`, path);
  await until(async () => (await names(server)).length === 0);
  assertEquals(await reply(server, "gpt"), "The capital of France is Paris.");
  assertEquals((await running(server)).map(({ context_length }) => context_length), [256]);
  await reply(server, "shimmy-tiny");
  assertEquals(await names(server), ["shimmy-tiny:latest"]);

  // A broken edit changes nothing.
  await Deno.writeTextFile(path, "{");
  await server.says("the settings stay unchanged: shimmy.json: must be JSON");
  assertEquals(await reply(server, "gpt", { keep_alive: 0 }), "The capital of France is Paris.");
  assertEquals(await names(server), []);

  server.kill("SIGTERM");
  const { code, stderr } = await server.ended();
  assertEquals(code, 0);
  assertStringIncludes(stderr, "Unloading shimmy-tiny: idle for 300ms");
  assertStringIncludes(stderr, "shimmy.json changed; new requests use its settings");
  assertStringIncludes(stderr, "shimmy-tiny would exceed the limit of one loaded model");
});
