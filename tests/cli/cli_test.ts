/** The command line in processes, with the real library and the built-in model. */
import { assert, assertEquals, assertLess, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { bertModel } from "../models/encoders.ts";
import { childrenOf, Machine, Server } from "./machine.ts";

const LORA = fileURLToPath(new URL("../models/pirate-lora.gguf", import.meta.url));
const TINY_F16 = fileURLToPath(new URL("../models/shimmy-tiny-f16.gguf", import.meta.url));
const QUESTION = "What is the capital of France?";
const posix = Deno.build.os !== "windows";

Deno.test("generate uses the built-in model if there is no other, and prints a note", async () => {
  await using machine = await Machine.start();
  const args = ["generate", "--prompt", QUESTION, "--temperature", "0"];
  const { code, stdout, stderr } = await machine.run(args);
  assertEquals(stdout, "The capital of France is Paris.\n");
  assertEquals(stderr, "No model was found; using the built-in model shimmy-tiny\n");
  assertEquals(code, 0);
});

Deno.test("with --quiet, stderr has only errors", async () => {
  await using machine = await Machine.start();
  const args = ["--prompt", "What is the capital of France?", "--temperature", "0", "--quiet"];
  const answer = await machine.run(["generate", ...args]);
  assertEquals(answer, { code: 0, stdout: "The capital of France is Paris.\n", stderr: "" });
  const failed = await machine.run(["generate", "absent", ...args]);
  assertEquals(failed.code, 1);
  assertMatch(failed.stderr, /^shimmy: .*absent.*\n$/);
});

Deno.test("generate reads the prompt from stdin, and a seed gives the same text again", async () => {
  await using machine = await Machine.start();
  const args = ["generate", "shimmy-tiny", "--prompt", "-", "--seed", "5", "--temperature", "1.2"];
  const input = "Tell me a story about a fox.";
  const first = await machine.run(args, { input });
  const second = await machine.run(args, { input });
  assertEquals(first.code, 0);
  assertEquals(first.stderr, "");
  assert(first.stdout.length > 40);
  assertEquals(second.stdout, first.stdout);
});

Deno.test("an adapter from the option or from the environment changes the text", async () => {
  await using machine = await Machine.start();
  const args = ["generate", "--prompt", QUESTION, "--temperature", "0"];
  const pirate = "Arr! The capital of France is Paris.\n";
  assertEquals((await machine.run([...args, "--lora", LORA])).stdout, pirate);
  const env = { SHIMMY_LORA_GGUF: LORA };
  assertEquals((await machine.run(args, { env })).stdout, pirate);
  const plain = "The capital of France is Paris.\n";
  assertEquals((await machine.run([...args, "--lora", `${LORA}:0`])).stdout, plain);
  // The adapter from the environment applies only to the default model.
  await Deno.mkdir(join(machine.home, "models"));
  await Deno.copyFile(TINY_F16, join(machine.home, "models", "default.gguf"));
  assertEquals((await machine.run([...args, "--name", "shimmy-tiny"], { env })).stdout, plain);
  assertEquals((await machine.run(args, { env })).stdout, pirate);
});

Deno.test("a model is found in a folder and loaded by path", async () => {
  await using machine = await Machine.start();
  const folder = join(machine.home, "models");
  await Deno.mkdir(folder);
  const path = join(folder, "Mine-F16.gguf");
  await Deno.copyFile(TINY_F16, path);
  assertEquals((await machine.run(["list", "--short"])).stdout, "mine-f16\nshimmy-tiny\n");
  for (const name of ["mine-f16", path]) {
    const { stdout } = await machine.run(["probe", name, "--json"]);
    const report = JSON.parse(stdout);
    assertEquals(report.model, "mine-f16");
    assertEquals(report.layers, 4);
    assert(report.load_ms > 0 && report.first_token_ms > 0);
    assertEquals(report.devices[0].kind, "cpu");
  }
});

Deno.test("an embedding model is shown and probed, and refuses to generate text", async () => {
  await using machine = await Machine.start();
  const path = join(machine.home, "vectors.gguf");
  await Deno.writeFile(path, bertModel("mean"));
  const shown = await machine.run(["show", path]);
  assertMatch(shown.stdout, /^capabilities: +embedding$/m);
  const probed = await machine.run(["probe", path]);
  assertMatch(probed.stdout, /^capabilities: +embedding$/m);
  assertMatch(probed.stdout, /^embedding: +[\d.]+ ms$/m);
  assertMatch(probed.stdout, /^embeddings: +CPU, 96 tokens per batch, .* of compute buffers$/m);
  for (const command of [["generate", path, "--prompt", "a"], ["bench", path], ["chat", path]]) {
    const { code, stdout, stderr } = await machine.run(command);
    assertEquals([code, stdout], [1, ""]);
    assertEquals(stderr, "shimmy: model: computes embeddings and does not generate text\n");
  }
});

Deno.test("bench and show work on the built-in model", async () => {
  await using machine = await Machine.start();
  const args = ["--prompt-tokens", "32", "--max-tokens", "8", "--runs", "1", "--json"];
  const bench = JSON.parse((await machine.run(["bench", "shimmy-tiny", ...args])).stdout);
  assert(bench.prompt_per_second.mean > 0 && bench.predicted_per_second.mean > 0);
  const show = JSON.parse((await machine.run(["show", "shimmy-tiny", "--json"])).stdout);
  assertEquals(show.parameters, 2_623_744);
  assertEquals(show.metadata["llama.block_count"], 4);
});

Deno.test("a prompt may be piped without an option, and an empty one is a usage error", async () => {
  await using machine = await Machine.start();
  const piped = await machine.run(["generate", "--temperature", "0"], { input: QUESTION });
  assertEquals([piped.code, piped.stdout], [0, "The capital of France is Paris.\n"]);
  const run = await machine.run(["run", "shimmy-tiny", QUESTION, "--temperature", "0"]);
  assertEquals(run.stdout, "The capital of France is Paris.\n");
  const empty = await machine.run(["generate"]);
  assertEquals([empty.code, empty.stdout], [2, ""]);
  assertMatch(empty.stderr, /^shimmy: generate: the prompt is empty; .*\n$/);
});

Deno.test("--context-shift continues an answer beyond the context", async () => {
  await using machine = await Machine.start();
  const args = ["generate", "shimmy-tiny", "Count from 3 to 40.", "--temperature", "0", "--json"];
  const limited = JSON.parse((await machine.run([...args, "--ctx", "64"])).stdout);
  assertEquals(limited.finish_reason, "length");
  assertEquals(limited.usage.total_tokens, 64);
  // The model counts on for ever; without the shift it would never reach this number.
  const shift = ["--ctx", "64", "--context-shift", "--stop", "41"];
  const shifted = JSON.parse((await machine.run([...args, ...shift])).stdout);
  assertEquals(shifted.finish_reason, "stop");
  assert(shifted.usage.total_tokens > 64, String(shifted.usage.total_tokens));
  assertStringIncludes(shifted.response, "39, 40");
});

Deno.test("chat answers lines and keeps the conversation", async () => {
  await using machine = await Machine.start();
  const { code, stdout } = await machine.run(["chat", "--temperature", "0"], {
    input: "My name is Tom.\nWhat is my name?\n",
  });
  assertEquals(code, 0);
  assertEquals(stdout, "Nice to meet you, Tom!\nYour name is Tom.\n");
});

Deno.test("failures exit with 1 and one line, usage errors with 2", async () => {
  await using machine = await Machine.start();
  const broken = join(machine.home, "broken.gguf");
  await Deno.writeTextFile(broken, "no model");
  const failed = await machine.run(["probe", broken]);
  assertEquals([failed.code, failed.stdout], [1, ""]);
  assertMatch(failed.stderr, /^shimmy: Cannot use .*: not a GGUF file.*\n$/);
  const mistaken = await machine.run(["generate", "--promt", "x"]);
  assertEquals([mistaken.code, mistaken.stdout], [2, ""]);
  assertEquals(mistaken.stderr, "shimmy: Unknown option --promt; did you mean --prompt?\n");
});

Deno.test({
  name: "a closed stdout ends the program without an error",
  ignore: !posix,
  async fn() {
    await using machine = await Machine.start();
    const prompt = "Tell me a story about a fox.";
    const child = machine.command(["generate", "--prompt", prompt]).spawn();
    await child.stdout.cancel();
    const stderr = await new Response(child.stderr).text();
    assertEquals((await child.status).code, 0);
    assertEquals(stderr, "No model was found; using the built-in model shimmy-tiny\n");
  },
});

Deno.test("serve prints its address first and answers", async () => {
  await using machine = await Machine.start();
  await using server = await Server.start(machine);
  assertMatch(server.address, /^127\.0\.0\.1:\d+$/);
  const health = await fetch(server.url("/health"));
  await health.body?.cancel();
  assertEquals(health.status, 200);
  const answer = await server.generate({ prompt: QUESTION, temperature: 0 });
  assertEquals((await answer.json()).response, "The capital of France is Paris.");
});

Deno.test("serve's options and environment reach the server", async () => {
  await using machine = await Machine.start();
  await using server = await Server.start(machine, ["--cors-origin", "https://page.test"], {
    SHIMMY_API_KEY: "secret",
    SHIMMY_PORT: "0",
    SHIMMY_LORA_GGUF: LORA,
    SHIMMY_LOG: "json",
  });
  const refused = await server.generate({ prompt: QUESTION });
  await refused.body?.cancel();
  assertEquals(refused.status, 401);
  const answer = await fetch(server.url("/api/generate"), {
    method: "POST",
    headers: { "x-api-key": "secret", origin: "https://page.test" },
    body: JSON.stringify({ prompt: QUESTION, temperature: 0 }),
  });
  assertEquals(answer.headers.get("access-control-allow-origin"), "https://page.test");
  assertEquals((await answer.json()).response, "Arr! The capital of France is Paris.");
  server.kill("SIGTERM");
  const { code, stderr } = await server.ended();
  assertEquals(code, 0);
  for (const line of stderr.trim().split("\n")) assertEquals(JSON.parse(line).level, "info");
});

Deno.test({
  name: "a crash of a model's process does not end the server",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using machine = await Machine.start();
    await using server = await Server.start(machine);
    const ask = async () =>
      (await (await server.generate({ prompt: QUESTION, temperature: 0 })).json()).response;
    assertEquals(await ask(), "The capital of France is Paris.");
    const children = await childrenOf(server.pid);
    assertEquals(children.length, 1);
    Deno.kill(children[0]!, "SIGKILL");
    await eventually(async () => await ask() === "The capital of France is Paris.");
    server.kill("SIGTERM");
    assertEquals((await server.ended()).code, 0);
  },
});

async function eventually(check: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 100; i++) {
    if (await check()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("It never came true");
}

Deno.test("with --in-process, models run inside the server's process", async () => {
  await using machine = await Machine.start();
  await using server = await Server.start(machine, ["--port", "0", "--in-process"]);
  const answer = await server.generate({ prompt: QUESTION, temperature: 0 });
  assertEquals((await answer.json()).response, "The capital of France is Paris.");
  if (Deno.build.os === "linux") assertEquals(await childrenOf(server.pid), []);
});

Deno.test({
  name: "serve warns that --step-timeout has no effect with --in-process",
  ignore: !posix,
  async fn() {
    await using machine = await Machine.start();
    const args = ["--port", "0", "--in-process", "--step-timeout", "9"];
    await using server = await Server.start(machine, args);
    server.kill("SIGTERM");
    const { stderr } = await server.ended();
    assertStringIncludes(stderr, "--step-timeout has no effect on models");
  },
});

Deno.test("two servers use two ports", async () => {
  await using machine = await Machine.start();
  await using one = await Server.start(machine, []);
  await using two = await Server.start(machine, []);
  assert(one.address !== two.address);
  const taken = await machine.run(["serve", "--bind", one.address]);
  assertEquals([taken.code, taken.stdout], [1, ""]);
  assertStringIncludes(taken.stderr, "in use");
});

Deno.test({
  name: "interrupted, serve finishes running answers and exits with 130, or 0 after SIGTERM",
  ignore: !posix,
  async fn() {
    for (const [signal, status] of [["SIGINT", 130], ["SIGTERM", 0]] as const) {
      await using machine = await Machine.start();
      await using server = await Server.start(machine);
      const answer = await server.generate({
        prompt: "Count from 3 to 40.",
        temperature: 0,
        stream: true,
      });
      const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
      let text = (await reader.read()).value ?? "";
      server.kill(signal);
      for (let chunk; !(chunk = await reader.read()).done;) text += chunk.value;
      assertMatch(text, /data: \[DONE\]\s+$/);
      const { code, stdout } = await server.ended();
      assertEquals([code, stdout], [status, ""]);
    }
  },
});

Deno.test({
  name: "interrupted twice, serve ends at once with 130",
  ignore: !posix,
  async fn() {
    await using machine = await Machine.start();
    await using server = await Server.start(machine);
    const endless = { prompt: "Count from 3 to 40.", ignore_eos: true, stream: true };
    const controller = new AbortController();
    // Nobody reads this answer, so it is paused and never done.
    const answer = await server.generate({ ...endless, max_tokens: 900 }, controller.signal);
    server.kill("SIGINT");
    await new Promise((resolve) => setTimeout(resolve, 300));
    const start = performance.now();
    server.kill("SIGINT");
    const { code } = await server.ended();
    assertEquals(code, 130);
    assertLess(performance.now() - start, 3000);
    await answer.body?.cancel().catch(() => {});
    controller.abort();
  },
});
