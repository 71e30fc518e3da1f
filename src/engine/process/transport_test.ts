/** Isolation of engines: a failure of one engine does not affect others. */
import { assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { withFolder } from "../../../ffi/testing.ts";
import {
  ask,
  collect,
  loadEngine,
  PIRATE_LORA,
  question,
  tinyEngine,
  tinyOptions,
} from "../../../tests/support/engine.ts";
import { ShimmyError } from "../../errors.ts";

const FRANCE = question("What is the capital of France?");
const PARIS = "The capital of France is Paris.";

Deno.test("two engines in one process generate at the same time with different adapters", async () => {
  await using plain = await tinyEngine();
  await using pirate = await tinyEngine({ loras: [{ path: PIRATE_LORA, scale: 1 }] });
  const answers = await Promise.all(
    [plain, pirate, plain, pirate].map((engine) => collect(engine.generate(ask(FRANCE)))),
  );
  assertEquals(answers.map(({ text }) => text), [PARIS, `Arr! ${PARIS}`, PARIS, `Arr! ${PARIS}`]);
});

Deno.test("an engine continues while others diagnose broken models", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "broken.gguf");
    await Deno.writeTextFile(path, "GGUF, but not really");
    const broken = await tinyOptions({ modelPaths: [path] });
    await using engine = await tinyEngine();
    let isOver = false;
    const failing = Promise.all(Array.from({ length: 2 }, async () => {
      for (let i = 0; i < 6; i++) {
        const error = await assertRejects(() => loadEngine(broken), ShimmyError);
        assertEquals(
          error.message,
          "Cannot load model: GGUF version is not supported by this libllama",
        );
      }
    })).finally(() => isOver = true);
    let answers = 0;
    while (!isOver) {
      const { text } = await collect(engine.generate(ask(FRANCE, { cachePrompt: false })));
      assertEquals(text, PARIS);
      answers++;
    }
    await failing;
    assertEquals(answers > 0, true);
  });
});

Deno.test("the first engines of a process can load at the same time", async () => {
  // In a separate process: here the backends are already loaded.
  const support = import.meta.resolve("../../../tests/support/engine.ts");
  const script = `
    import { ask, collect, question, tinyEngine } from ${JSON.stringify(support)};
    const engines = await Promise.all(Array.from({ length: 4 }, () => tinyEngine()));
    for (const engine of engines) {
      console.log((await collect(engine.generate(ask(${JSON.stringify(FRANCE)})))).text);
      await engine[Symbol.asyncDispose]();
    }
  `;
  const config = fileURLToPath(new URL("../../../deno.json", import.meta.url));
  await withFolder(async (folder) => {
    const file = join(folder, "first.ts");
    await Deno.writeTextFile(file, script);
    const permissions = ["ffi", "read", "write", "net", "env", "sys"].map((name) =>
      `--allow-${name}`
    );
    const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-check", "--config", config, ...permissions, file],
      env: { NO_COLOR: "1" },
    }).output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    assertEquals([text(stdout), success], [`${PARIS}\n`.repeat(4), true], text(stderr));
  });
});

/** Runs `use` while engine threads run a script instead of the engine core. */
async function withThreadScript(script: string, use: () => Promise<void>): Promise<void> {
  const url = `data:application/javascript,${encodeURIComponent(script)}`;
  const Real = globalThis.Worker;
  globalThis.Worker = class extends Real {
    constructor(_: string | URL, options?: WorkerOptions) {
      super(url, options);
    }
  };
  try {
    await use();
  } finally {
    globalThis.Worker = Real;
  }
}

/** A thread that loads anything, emits one token per request and dies at the second request. */
const DYING = `
  let requests = 0;
  self.onmessage = ({ data }) => {
    if (data.type === "load") self.postMessage({ type: "loaded", info: {} });
    if (data.type !== "submit") return;
    if (++requests === 2) throw new Error("a bug");
    const event = { type: "token", text: "word", token: 1 };
    self.postMessage({ type: "step", events: [{ id: data.id, event }] });
  };
`;

Deno.test("an engine whose thread dies fails all sequences and resolves closed", async () => {
  await withThreadScript(DYING, async () => {
    const engine = await tinyEngine();
    const running = engine.generate(ask("one"));
    const events = running[Symbol.asyncIterator]();
    assertEquals((await events.next()).value?.type, "token");
    const outcomes = await Promise.allSettled([
      events.next(),
      collect(engine.generate(ask("two"))),
      engine.status(),
    ]);
    for (const outcome of outcomes) {
      const error = outcome.status === "rejected" ? outcome.reason : null;
      assertInstanceOf(error, ShimmyError);
      assertEquals([error.kind, error.message], ["backend", "The engine thread failed"]);
      assertEquals(error.detail?.includes("a bug"), true);
    }
    assertEquals(await engine.closed, "The engine thread failed");
    const later = await assertRejects(() => collect(engine.generate(ask("three"))), ShimmyError);
    assertEquals([later.kind, later.message], ["backend", "The model is no longer loaded"]);
    await engine[Symbol.asyncDispose]();
  });
});

Deno.test("a thread that dies during a load fails the load", async () => {
  const script = "self.onmessage = ({ data }) => { if (data.type === 'load') throw 1; };";
  await withThreadScript(script, async () => {
    const error = await assertRejects(() => tinyEngine(), ShimmyError);
    assertEquals(error.kind, "backend");
  });
});

Deno.test("an invalid sampling change ends only its own sequence", async () => {
  await using engine = await tinyEngine();
  const bad = engine.generate(ask(FRANCE, { maxTokens: null, ignoreEos: true }));
  const events = bad[Symbol.asyncIterator]();
  await events.next();
  const good = collect(engine.generate(ask(FRANCE)));
  const logitBias = 5 as unknown as [];
  bad.control({ type: "sampling", sampling: { logitBias } });
  const error = await assertRejects(async () => {
    while (!(await events.next()).done);
  }, ShimmyError);
  assertEquals(error.kind, "backend");
  assertEquals((await good).text, PARIS);
  assertEquals((await engine.status()).running, 0);
});
