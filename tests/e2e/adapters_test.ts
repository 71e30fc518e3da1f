/** Adapters as users of a real server meet them: LoRA and control vectors, by every dialect's names. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { Machine, Server } from "../cli/machine.ts";
import { buildControlVector, writeVectors } from "../models/control_vector.ts";
import { PIRATE_LORA, TINY_F16 } from "../support/engine.ts";

const FRANCE = "What is the capital of France?";
const PARIS = "The capital of France is Paris.";
const OTTAWA = "The capital of Canada is Ottawa.";

/** A machine whose folder of models has `talker`, the LoRA `pirate`, and control vectors. */
async function setUp() {
  const machine = await Machine.start();
  const folder = join(machine.home, "models");
  await Deno.mkdir(folder);
  await Deno.copyFile(TINY_F16, join(folder, "talker.gguf"));
  await Deno.copyFile(PIRATE_LORA, join(folder, "pirate.gguf"));
  const vectors = await writeVectors(folder);
  return { machine, ...vectors, [Symbol.asyncDispose]: () => machine[Symbol.asyncDispose]() };
}

/** The answer to a native request, as JSON. */
async function answer(server: Server, more: Record<string, unknown> = {}) {
  const response = await server.generate({ prompt: FRANCE, temperature: 0, ...more });
  return await response.json();
}

async function post(server: Server, path: string, body: unknown) {
  const response = await fetch(server.url(path), { method: "POST", body: JSON.stringify(body) });
  return { status: response.status, body: await response.json() };
}

Deno.test("every dialect answers by the name of a model with an adapter", async () => {
  await using place = await setUp();
  await using server = await Server.start(place.machine, ["--port", "0"]);
  const model = "talker:swerve";
  const messages = [{ role: "user", content: FRANCE }];
  assertEquals((await answer(server, { model })).response, OTTAWA);
  const openai = await post(server, "/v1/chat/completions", { model, messages, temperature: 0 });
  assertEquals([openai.body.model, openai.body.choices[0].message.content], [model, OTTAWA]);
  const anthropic = await post(server, "/v1/messages", {
    model,
    messages,
    max_tokens: 40,
    temperature: 0,
  });
  assertEquals([anthropic.body.model, anthropic.body.content[0].text], [model, OTTAWA]);
  const ollama = await post(server, "/api/chat", {
    model,
    messages,
    stream: false,
    options: { temperature: 0 },
  });
  assertEquals([ollama.body.model, ollama.body.message.content], [model, OTTAWA]);
  const plain = await answer(server, { model: "talker" });
  assertEquals([plain.response, plain.usage.cached_tokens], [PARIS, 0]);
  const { data } = await (await fetch(server.url("/v1/models"))).json();
  assert(data.some(({ id }: { id: string }) => id === model), JSON.stringify(data));
  const embed = async (model: string) =>
    (await post(server, "/v1/embeddings", { model, input: "a red fox" })).body.data[0].embedding;
  assert(String(await embed(model)) !== String(await embed("talker")));
});

Deno.test("running requests keep an unloaded adapter until they end", async () => {
  await using place = await setUp();
  await using server = await Server.start(place.machine, ["--port", "0"]);
  await post(server, "/api/lora", { model: "talker", name: "pirate" });
  const stream = await server.generate({
    model: "talker",
    prompt: "Tell me a story about a fox.",
    temperature: 0,
    max_tokens: 300,
    ignore_eos: true,
    stream: true,
    stream_format: "ndjson",
  });
  const reader = stream.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = (await reader.read()).value ?? "";
  const unload = { model: "talker", name: "pirate", unload: true };
  const unloaded = await post(server, "/api/lora", unload);
  assertEquals([unloaded.status, unloaded.body.adapters], [200, []]);
  for (let chunk; !(chunk = await reader.read()).done;) text += chunk.value;
  const lines = text.trim().split("\n").map((line) => JSON.parse(line));
  assertEquals(lines.at(-1).finish_reason, "length");
  assertEquals(lines.slice(0, -1).map(({ token }) => token).join("").slice(0, 4), "Arr!");
  assertEquals((await answer(server, { model: "talker" })).response, PARIS);
});

Deno.test("a session belongs to its adapter's file, also when another one takes its name", async () => {
  await using place = await setUp();
  const { machine, swerve } = place;
  const ask = (server: Server, model: string) => answer(server, { model, session: "mine" });
  {
    await using server = await Server.start(machine, ["--port", "0"]);
    assertEquals((await ask(server, "talker:swerve")).response, OTTAWA);
  }
  {
    await using server = await Server.start(machine, ["--port", "0"]);
    assertEquals((await ask(server, "talker")).usage.cached_tokens, 0);
    const again = await ask(server, "talker:swerve");
    assert(again.usage.cached_tokens > 5);
    assertEquals(again.response, OTTAWA);
  }
  // Of the same size and time.
  const { mtime } = await Deno.stat(swerve);
  await Deno.writeFile(swerve, buildControlVector({ seed: 3, layers: [2] }));
  await Deno.utime(swerve, mtime!, mtime!);
  await using server = await Server.start(machine, ["--port", "0"]);
  assertEquals((await ask(server, "talker:swerve")).usage.cached_tokens, 0);
});

Deno.test("a model that went for being idle comes back with its adapters, and the command line's have names", async () => {
  await using place = await setUp();
  const far = join(place.machine.home, "far.gguf");
  await Deno.rename(place.swerve, far);
  const args = ["--port", "0", "--model-path", "models/talker.gguf", "--lora", `${far}:0`];
  await using server = await Server.start(place.machine, [...args, "--keep-alive", "0"]);
  assertEquals((await answer(server)).response, PARIS);
  assertEquals((await answer(server, { model: "talker:far" })).response, OTTAWA);
  await post(server, "/api/lora", { name: "far", scale: 1 });
  assertEquals((await answer(server)).response, OTTAWA);
  assertEquals((await answer(server)).response, OTTAWA);
  const unknown = await post(server, "/api/lora", { name: "nobody" });
  assertEquals(unknown.status, 404);
  assertStringIncludes(unknown.body.error, "Adapter 'nobody' not found; available: ");
  assertStringIncludes(unknown.body.error, "far");
});
