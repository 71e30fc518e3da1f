/** The native API of a real server: a process of its own, the real library, the tiny model. */
import {
  assert,
  assertEquals,
  assertGreater,
  assertLess,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { join } from "node:path";
import { Machine, Server } from "../cli/machine.ts";
import { writeBroken } from "../models/broken.ts";
import { FrameSocket } from "./frame_socket.ts";

const FRANCE = { prompt: "What is the capital of France?", temperature: 0 };
const PARIS = "The capital of France is Paris.";
const STORY = { prompt: "Tell me a story about a fox.", temperature: 0, max_tokens: 800 };
/** An answer that does not end while a busy machine keeps its client waiting, and the context that it needs. */
const ENDLESS = { ...STORY, max_tokens: 15_000, ignore_eos: true };
const LONG_CONTEXT = ["--ctx", "16384"];

/** A machine with a server on it. */
async function serve(args: string[] = [], env: Record<string, string> = {}) {
  const stack = new AsyncDisposableStack();
  const machine = stack.use(await Machine.start());
  const server = stack.use(await Server.start(machine, ["--port", "0", ...args], env));
  return { machine, server, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

/** The model's part of `/diag`, once it says what is waited for. */
async function diagnosed(
  server: Server,
  check: (model: Diagnosis) => boolean,
): Promise<Diagnosis> {
  const deadline = performance.now() + 30_000;
  while (true) {
    const { models } = await (await fetch(server.url("/diag"))).json();
    if (check(models[0])) return models[0];
    assertLess(performance.now(), deadline, `still ${JSON.stringify(models[0])}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

interface Diagnosis {
  readonly sequences: { readonly running: number; readonly queued: number };
  readonly kv_cells: { readonly used: number; readonly total: number };
}

Deno.test("an answer comes as JSON, as SSE and as NDJSON, and always is the same", async () => {
  await using running = await serve();
  const { server } = running;
  const whole = await (await server.generate(FRANCE)).json();
  assertEquals([whole.response, whole.finish_reason, whole.done], [PARIS, "stop", true]);
  assertEquals(
    whole.usage.total_tokens,
    whole.usage.prompt_tokens + whole.usage.completion_tokens,
  );
  assertGreater(whole.timings.predicted_per_second, 0);

  const plain = await server.generate({ ...FRANCE, stream: true });
  assertStringIncludes(plain.headers.get("content-type") ?? "", "text/event-stream");
  const lines = (await plain.text()).split("\n\n").filter((event) => event !== "");
  assertEquals(lines.at(-1), "data: [DONE]");
  assertEquals(lines.slice(0, -1).map((line) => line.replace(/^data: /, "")).join(""), PARIS);

  const events = await server.generate({ ...FRANCE, stream: true, stream_format: "json" });
  const data = (await events.text()).split("\n\n").filter((event) => event !== "");
  assertEquals(data.pop(), "data: [DONE]");
  const parsed = data.map((line) => JSON.parse(line.replace(/^data: /, "")));
  assertEquals(parsed.slice(0, -1).map(({ token }) => token).join(""), PARIS);
  assertEquals(parsed.slice(0, -1).map(({ index }) => index), [...parsed.slice(0, -1).keys()]);
  assertEquals([parsed.at(-1).done, parsed.at(-1).finish_reason], [true, "stop"]);

  const ndjson = await server.generate({ ...FRANCE, stream: true, stream_format: "ndjson" });
  assertStringIncludes(ndjson.headers.get("content-type") ?? "", "application/x-ndjson");
  const rows = (await ndjson.text()).trim().split("\n").map((line) => JSON.parse(line));
  assertEquals(rows.slice(0, -1).map(({ token }) => token).join(""), PARIS);
  assertEquals(rows.at(-1).done, true);
});

Deno.test("a WebSocket answers one request after the other, and takes controls meanwhile", async () => {
  await using running = await serve(LONG_CONTEXT);
  await using socket = await FrameSocket.open(
    running.server.url("/ws/generate").replace(/^http/, "ws"),
  );
  socket.send(FRANCE);
  const first = await socket.answer();
  assertEquals([first.text, first.done.finish_reason], [PARIS, "stop"]);

  socket.send(ENDLESS);
  await socket.frame();
  socket.send({ stop: true });
  const stopped = await socket.answer();
  assertEquals(stopped.done.finish_reason, "stop");
  assertLess(stopped.done.usage.completion_tokens, ENDLESS.max_tokens);

  // Greedy is the same every time; hot from the second token on it is not.
  const calm = { ...STORY, max_tokens: 1_500, ignore_eos: true, seed: 5 };
  socket.send(calm);
  const greedy = (await socket.frame() as string) + (await socket.answer()).text;
  socket.send({ ...calm, top_k: 0, top_p: 1, min_p: 0 });
  const beginning = await socket.frame() as string;
  socket.send({ temperature: 4 });
  const hot = beginning + (await socket.answer()).text;
  assertEquals(greedy.startsWith(beginning), true);
  assert(hot !== greedy);

  socket.send({ ...FRANCE, temperature: -1 });
  const refused = await socket.frame() as { error: string };
  assertMatch(refused.error, /^temperature: /);
  socket.send({ ...FRANCE, stream_format: "json" });
  const events: Record<string, unknown>[] = [];
  do events.push(await socket.frame() as Record<string, unknown>); while (
    events.at(-1)!.done !== true
  );
  assertEquals(events.slice(0, -1).map(({ token }) => token).join(""), PARIS);
});

Deno.test("an invalid request gets its status and one sentence", async () => {
  await using running = await serve(["--api-key", "secret"]);
  const { server, machine } = running;
  await writeBroken(join(machine.home, "models"));
  const send = async (
    body: BodyInit,
    headers: Record<string, string> = { "x-api-key": "secret" },
  ) => {
    const response = await fetch(server.url("/api/generate"), { method: "POST", body, headers });
    return [response.status, (await response.json()).error];
  };
  const ask = (body: unknown) => send(JSON.stringify(body));

  const [invalid, sentence] = await ask({ ...FRANCE, top_p: 2 });
  assertEquals(invalid, 400);
  assertMatch(sentence, /^top_p: /);
  assertEquals((await send("{"))[0], 400);
  const [tooLong, context] = await ask({ prompt: "fox ".repeat(3000) });
  assertEquals(tooLong, 400);
  assertStringIncludes(context, "context holds");
  assertEquals((await send(JSON.stringify(FRANCE), {}))[0], 401);
  assertEquals((await send(JSON.stringify(FRANCE), { "x-api-key": "guess" }))[0], 401);
  const [unknown, names] = await ask({ ...FRANCE, model: "nobody" });
  assertEquals(unknown, 404);
  assertMatch(names, /^Model 'nobody' not found; .*available: .*shimmy-tiny/);
  assertEquals((await send(new Uint8Array(80 * 2 ** 20)))[0], 413);

  const discovered = await fetch(server.url("/api/models/discover"), {
    method: "POST",
    headers: { "x-api-key": "secret" },
  });
  await discovered.body?.cancel();
  assertEquals(await ask({ ...FRANCE, model: "broken" }), [
    502,
    "Cannot load model: tokenizer 'qwenx' is not supported by this libllama",
  ]);
  assertEquals(await ask({ ...FRANCE, model: "shimmy-tiny" }), [200, undefined]);
});

Deno.test("two concurrent clients get the answers that they get alone", async () => {
  await using running = await serve(["--parallel", "2"]);
  const { server } = running;
  const prompts = ["What is the capital of Spain?", "Spell the word cloud.", "Repeat: river tiger"];
  const answer = async (prompt: string) =>
    (await (await server.generate({ prompt, temperature: 0 })).json()).response;
  const alone: string[] = [];
  for (const prompt of prompts) alone.push(await answer(prompt));
  assertEquals(new Set(alone).size, 3);
  const together = await Promise.all([...prompts, ...prompts].map(answer));
  assertEquals(together, [...alone, ...alone]);
});

Deno.test("a client that vanishes in the middle of an answer leaves its place to others", async () => {
  await using running = await serve(["--parallel", "1", ...LONG_CONTEXT]);
  const { server } = running;
  const controller = new AbortController();
  const answer = await server.generate({ ...ENDLESS, stream: true }, controller.signal);
  const reader = answer.body!.getReader();
  await reader.read();
  await diagnosed(server, ({ sequences }) => sequences.running === 1);
  controller.abort();
  await reader.read().catch(() => {});
  const { kv_cells } = await diagnosed(server, ({ sequences }) => sequences.running === 0);
  // What it computed stays as cache, and gives way: the only stream there is answers the next one.
  assertLess(kv_cells.used, ENDLESS.max_tokens);
  const next = await (await server.generate(FRANCE)).json();
  assertEquals(next.response, PARIS);
  const after = await diagnosed(server, ({ sequences }) => sequences.running === 0);
  assertEquals(after.sequences.queued, 0);
  assertLess(after.kv_cells.used, 60);
});

Deno.test("a WebSocket client that vanishes frees its sequence too", async () => {
  await using running = await serve(["--parallel", "1", ...LONG_CONTEXT]);
  const { server } = running;
  const socket = await FrameSocket.open(server.url("/ws/generate").replace(/^http/, "ws"));
  socket.send(ENDLESS);
  await socket.frame();
  await diagnosed(server, ({ sequences }) => sequences.running === 1);
  await socket[Symbol.asyncDispose]();
  await diagnosed(server, ({ sequences }) => sequences.running === 0);
});

Deno.test({
  name: "a server asked to stop finishes the socket's answer and takes no new connections",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using running = await serve();
    const { server } = running;
    await using socket = await FrameSocket.open(server.url("/ws/generate").replace(/^http/, "ws"));
    socket.send({ ...STORY, max_tokens: 120, ignore_eos: true });
    await socket.frame();
    server.kill("SIGTERM");
    const { done } = await socket.answer();
    assertEquals([done.finish_reason, done.usage.completion_tokens], ["length", 120]);
    const { code } = await server.ended();
    assertEquals(code, 0);
    const refused = await fetch(server.url("/health")).then(() => false, () => true);
    assertEquals(refused, true);
  },
});

Deno.test({
  name: "answers that a server does not finish before it ends are errors that can be repeated",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using running = await serve([...LONG_CONTEXT, "--parallel", "1", "--drain", "1"]);
    const { server } = running;
    const ask = (path: string, body: Record<string, unknown>) =>
      fetch(server.url(path), {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ model: "shimmy-tiny", max_tokens: 8, ...body }),
      });
    const messages = [{ role: "user", content: "Hi" }];
    const first = await ask("/api/generate", { ...ENDLESS, stream: true });
    const whole = ["/v1/chat/completions", "/v1/messages", "/completion", "/api/chat"]
      .map((path) => ask(path, { messages, prompt: "Hi", stream: false }))
      .concat(ask("/api/generate", { prompt: "Hi", stream: false }));
    const streams = ["/v1/chat/completions", "/api/generate"]
      .map((path) =>
        ask(path, {
          ...(path === "/api/generate" ? { prompt: "Hi" } : { messages }),
          stream: true,
        })
      );
    await diagnosed(server, ({ sequences }) => sequences.running === 1 && sequences.queued === 7);
    server.kill("SIGTERM");
    for (const response of await Promise.all(whole)) {
      assertEquals(response.status, 503, response.url);
      assertStringIncludes(await response.text(), "The model is being unloaded");
      assert(Number(response.headers.get("retry-after")) >= 1);
    }
    for (const response of [first, ...await Promise.all(streams)]) {
      assertStringIncludes(await response.text(), "The model is being unloaded", response.url);
    }
    assertEquals((await server.ended()).code, 0);
  },
});

Deno.test("a server that is ready warms itself up with a request that is not counted as one", async () => {
  await using running = await serve();
  const { server } = running;
  const deadline = performance.now() + 20_000;
  let metrics = "";
  while (!/^shimmy_model_completion_tokens_total\{[^}]*\} [1-9]/m.test(metrics)) {
    assertLess(performance.now(), deadline, metrics);
    metrics = await (await fetch(server.url("/metrics"))).text();
  }
  assertEquals(/route="\/v1\/chat\/completions"/.test(metrics), false);
});
