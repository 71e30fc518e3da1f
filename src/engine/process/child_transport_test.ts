import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { delay } from "@std/async/delay";
import { ask, collect, loadEngine, question, tinyOptions } from "../../../tests/support/engine.ts";
import { LOCK, MAIN } from "../../../tests/support/source.ts";
import { ShimmyError } from "../../errors.ts";
import type { ChildCommand } from "./spare_process.ts";
import type { IteratingEngine as Engine } from "../../../tests/support/engine.ts";

const RIGHTS = ["--allow-ffi", "--allow-read", "--allow-env", "--allow-sys"];
const COMMAND: ChildCommand = [
  Deno.execPath(),
  "run",
  "--quiet",
  LOCK,
  ...RIGHTS,
  MAIN,
  "__engine",
];

const STORY = question("Tell me a story about a fox.");

/** The same command through a shell that first writes the process id to a file. */
function traced(file: string): ChildCommand {
  return ["sh", "-c", 'echo $$ > "$0"; exec "$@"', file, ...COMMAND];
}

/**
 * Waits until the embedding context has this size and its log, which is sent separately, has been
 * read.
 */
async function embeddingMemory(engine: Engine, tokens: number): Promise<void> {
  for (let waited = 0; waited < 500; waited++) {
    const { embedding } = await engine.status();
    assertEquals(embedding!.contextLength, tokens);
    const cpu = embedding!.memory?.find(({ device }) => device === "CPU");
    if (cpu !== undefined) {
      // Keys and values of 2 heads of 64 in 4 layers, 16 bits each.
      assertEquals(cpu.kvBytes, tokens * 2 * 2 * 64 * 4 * 2);
      assert(cpu.computeBytes > 0);
      return;
    }
    await delay(10);
  }
  throw new Error("The log of the context did not come within five seconds");
}

const withShell = { ignore: Deno.build.os === "windows" };

Deno.test("a crashing process starts no debugger, and its threads share one heap", {
  ignore: withShell.ignore,
}, async () => {
  const file = await Deno.makeTempFile();
  try {
    const isolate: ChildCommand = [
      "sh",
      "-c",
      'echo "$GGML_NO_BACKTRACE $MALLOC_ARENA_MAX" > "$0"; exec "$@"',
      file,
      ...COMMAND,
    ];
    await using _engine = await loadEngine(await tinyOptions(), { isolate });
    assertEquals(await Deno.readTextFile(file), "1 1\n");
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("a model in a child process answers as in a thread", async () => {
  await using engine = await loadEngine(await tinyOptions(), { isolate: COMMAND });
  const { text, tokens, done } = await collect(engine.generate(ask(question("Hello"))));
  assertEquals(text, "Hello! How can I help you today?");
  assertEquals(done.finishReason, "stop");
  const { vectors } = await engine.embed({
    inputs: [{ field: "input", text: "Hello" }],
    normalize: true,
  });
  assertEquals(vectors[0]!.length, 256);
  await embeddingMemory(engine, 512);
  await engine.embed({
    inputs: [{ field: "input", text: "fox ".repeat(700) }],
    normalize: true,
  });
  await embeddingMemory(engine, 1024);
  const banned = await collect(engine.generate(ask(question("Hello"), {
    sampling: { temperature: 0, logitBias: [{ token: tokens[0]!, bias: -Infinity }] },
    logprobs: 1,
  })));
  assert(banned.text !== text);
});

Deno.test({
  name: "a killed process fails only its own sequences",
  ...withShell,
  fn: async () => {
    await using other = await loadEngine(await tinyOptions());
    const file = await Deno.makeTempFile();
    await using engine = await loadEngine(await tinyOptions({ parallel: 8 }), {
      isolate: traced(file),
    });
    const child = Number(await Deno.readTextFile(file));
    await Deno.remove(file);
    const runs = Array.from(
      { length: 6 },
      () => collect(engine.generate(ask(STORY, { maxTokens: null, ignoreEos: true }))),
    );
    const failures = runs.map((run) => assertRejects(() => run, ShimmyError));
    for await (const event of engine.generate(ask(STORY))) if (event.type === "token") break;
    Deno.kill(child, "SIGKILL");
    for (const failure of await Promise.all(failures)) {
      assertEquals([failure.kind, failure.message], [
        "backend",
        "The model's process ended by SIGKILL",
      ]);
    }
    assertEquals(await engine.closed, "The model's process ended by SIGKILL");
    await assertRejects(() => engine.status(), ShimmyError);
    const { text } = await collect(other.generate(ask(question("Hello"))));
    assertEquals(text, "Hello! How can I help you today?");
  },
});

/** The process id that a traced command has written. */
async function tracedPid(file: string): Promise<number> {
  for (let waited = 0; waited < 1000; waited++) {
    const text = await Deno.readTextFile(file);
    if (text.endsWith("\n")) return Number(text);
    await delay(10);
  }
  throw new Error("The process did not start within ten seconds");
}

Deno.test({
  name: "the load of a stopped process can be cancelled",
  ...withShell,
  fn: async () => {
    const file = await Deno.makeTempFile();
    const cancelling = new AbortController();
    const load = loadEngine(await tinyOptions(), {
      isolate: traced(file),
      signal: cancelling.signal,
    });
    Deno.kill(await tracedPid(file), "SIGSTOP");
    cancelling.abort();
    const error = await assertRejects(() => load, ShimmyError);
    assertEquals(error.message, "Loading was cancelled");
    await Deno.remove(file);
  },
});

Deno.test({
  name: "a stopped process that has more input than a pipe holds can be ended",
  ...withShell,
  fn: async () => {
    const file = await Deno.makeTempFile();
    const engine = await loadEngine(await tinyOptions(), { isolate: traced(file) });
    Deno.kill(await tracedPid(file), "SIGSTOP");
    const answer = collect(engine.generate(ask(question("fox ".repeat(500_000)))));
    const failure = assertRejects(() => answer, ShimmyError);
    await engine[Symbol.asyncDispose]();
    assertEquals((await failure).message, "The model is being unloaded");
    await Deno.remove(file);
  },
});

Deno.test("load errors are passed from the child process", async () => {
  const options = await tinyOptions({ modelPaths: [MAIN] });
  const error = await assertRejects(() => loadEngine(options, { isolate: COMMAND }), ShimmyError);
  assertEquals(error.message, "Cannot load model: file is not GGUF");
});

Deno.test("a command that is missing or not an engine is an error", async () => {
  const options = await tinyOptions();
  const missing = await assertRejects(
    () => loadEngine(options, { isolate: ["no-such-program-at-all"] }),
    ShimmyError,
  );
  assertEquals(missing.message, "Cannot start a process for the model");
  const other = await assertRejects(
    () => loadEngine(options, { isolate: [Deno.execPath(), "eval", "console.log('hello')"] }),
    ShimmyError,
  );
  assertMatch(other.message, /^(Cannot read frame|The model's process ended)/);
});

Deno.test({
  name: "a child never outlives its parent",
  ...withShell,
  fn: async () => {
    const [program, ...args] = COMMAND;
    const child = new Deno.Command(program, {
      args,
      stdin: "piped",
      stdout: "null",
      stderr: "null",
    })
      .spawn();
    await child.stdin.close();
    assertEquals((await child.status).code, 0);
  },
});

Deno.test("a process lives on without a reader of its heartbeats, until its input ends", async () => {
  const [program, ...args] = COMMAND;
  const child = new Deno.Command(program, {
    args,
    stdin: "piped",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const heartbeats = child.stderr.getReader();
  await heartbeats.read();
  await heartbeats.cancel();
  // The next heartbeat, which fails.
  await Promise.race([child.status, delay(2500)]);
  await child.stdin.close().catch(() => {});
  assertEquals((await child.status).code, 0);
});
