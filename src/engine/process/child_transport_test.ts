import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { delay } from "@std/async/delay";
import { fromFileUrl } from "@std/path";
import { ask, collect, question, tinyOptions } from "../../../tests/support/engine.ts";
import { ShimmyError } from "../../errors.ts";
import type { ChildCommand } from "./child_transport.ts";
import { loadEngine } from "../load_engine.ts";
import type { Engine } from "../engine.ts";

const MAIN = fromFileUrl(new URL("../../../main.ts", import.meta.url));
const RIGHTS = ["--allow-ffi", "--allow-read", "--allow-env", "--allow-sys"];
const COMMAND: ChildCommand = [Deno.execPath(), "run", "--quiet", ...RIGHTS, MAIN, "__engine"];

const STORY = question("Tell me a story about a fox.");

/** The same command by way of a shell that writes the process's id into a file first. */
function traced(file: string): ChildCommand {
  return ["sh", "-c", 'echo $$ > "$0"; exec "$@"', file, ...COMMAND];
}

/** Waits until the context that embeds has as many tokens, and its log has been read: it comes apart. */
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

Deno.test("a process that crashes calls no debugger, and its threads share one heap", {
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

Deno.test("a model in a process of its own answers as one in a thread does", async () => {
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
  name: "a process that is killed under load fails its answers, and nothing else",
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

Deno.test("what is wrong with a model is told across the process's border", async () => {
  const options = await tinyOptions({ modelPaths: [MAIN] });
  const error = await assertRejects(() => loadEngine(options, { isolate: COMMAND }), ShimmyError);
  assertEquals(error.message, "Cannot load model: file is not GGUF");
});

Deno.test("a command that cannot be started, or is no engine, is an error and not a wait", async () => {
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
