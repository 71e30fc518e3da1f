import { assert, assertEquals, assertGreater, assertRejects } from "@std/assert";
import { ask, collect, question, tinyEngine } from "../../../tests/support/engine.ts";
import { ShimmyError } from "../../errors.ts";

const STORY = question("Tell me a story about a fox.");

Deno.test("a request that names a slot is computed by that slot", async () => {
  await using engine = await tinyEngine({ parallel: 3 });
  for (const slot of [2, 0, 1]) {
    const { done } = await collect(engine.generate(ask(STORY, { slot, maxTokens: 3 })));
    assertEquals(done.slot, slot);
  }
  const { slots } = await engine.status();
  assertEquals(slots.map(({ id, running }) => [id, running]), [[0, null], [1, null], [2, null]]);
  assert(slots.every(({ tokens }) => tokens > 3));
  const error = await assertRejects(
    () => collect(engine.generate(ask(STORY, { slot: 3 }))),
    ShimmyError,
  );
  assertEquals([error.kind, error.field], ["invalid", "id_slot"]);
});

Deno.test("two requests for one slot run one after the other", async () => {
  await using engine = await tinyEngine({ parallel: 2 });
  const both = [1, 2].map(() =>
    collect(engine.generate(ask(STORY, { slot: 1, maxTokens: 20, cachePrompt: false })))
  );
  const [first, second] = await Promise.all(both);
  assertEquals([first!.done.slot, second!.done.slot], [1, 1]);
  assertEquals(first!.text, second!.text);
});

Deno.test("a running slot reports its sequence", async () => {
  await using engine = await tinyEngine({ parallel: 2 });
  const run = engine.generate(ask(STORY, { slot: 1, maxTokens: null, ignoreEos: true }));
  for await (const event of run) {
    if (event.type !== "token") continue;
    const [idle, busy] = (await engine.status()).slots;
    assertEquals(idle!.running, null);
    assertGreater(busy!.running!.promptTokens, 5);
    assertGreater(busy!.running!.completionTokens, 0);
    const error = await assertRejects(
      () => engine.changeSlot({ action: "erase", slot: 1 }),
      ShimmyError,
    );
    assertEquals(error.kind, "overloaded");
    break;
  }
});

Deno.test("changes of a slot that computes are refused before its answer ends", async () => {
  await using engine = await tinyEngine({ parallel: 2, contextLength: 4096 });
  const run = engine.generate(ask(STORY, { slot: 1, maxTokens: 3500, ignoreEos: true }));
  let hasEnded = false;
  const change = async () => {
    for (let call = 0; call < 5; call++) {
      await assertRejects(() => engine.changeSlot({ action: "erase", slot: 1 }), ShimmyError);
    }
    assert(!hasEnded);
    run.control({ type: "stop" });
  };
  let changing: Promise<void> | null = null;
  for await (const event of run) if (event.type === "token") changing ??= change();
  hasEnded = true;
  await changing;
});

Deno.test("a saved slot is restored into another one and reused from there", async () => {
  const sessionFolder = await Deno.makeTempDir();
  try {
    await using engine = await tinyEngine({ parallel: 2, sessionFolder });
    const tell = async (slot: number) =>
      await collect(engine.generate(ask(STORY, { slot, maxTokens: 10 })));
    const first = await tell(1);
    assertEquals(first.done.usage.cachedTokens, 0);
    const saved = await engine.changeSlot({ action: "save", slot: 1, session: "fox.bin" });
    assertGreater(saved.tokens, first.done.usage.promptTokens);
    assertGreater(saved.bytes, 0);
    for (const slot of [0, 1]) await engine.changeSlot({ action: "erase", slot });
    assertEquals((await engine.status()).cellsUsed, 0);
    const again = await tell(1);
    assertEquals(again.done.usage.cachedTokens, 0);
    await engine.changeSlot({ action: "erase", slot: 1 });
    const restored = await engine.changeSlot({ action: "restore", slot: 0, session: "fox.bin" });
    assertEquals([restored.tokens, restored.bytes], [saved.tokens, saved.bytes]);
    const third = await tell(0);
    assertEquals(third.done.usage.cachedTokens, third.done.usage.promptTokens - 1);
    assertEquals(third.text, first.text);
    const error = await assertRejects(
      () => engine.changeSlot({ action: "restore", slot: 0, session: "nothing" }),
      ShimmyError,
    );
    assertEquals([error.kind, error.field], ["not_found", "filename"]);
  } finally {
    await Deno.remove(sessionFolder, { recursive: true });
  }
});

Deno.test("the progress of a prompt is reported at its start and after each batch", async () => {
  await using engine = await tinyEngine({ parallel: 1, batchSize: 32 });
  const prompt = question("Repeat: " + "river tiger ".repeat(30));
  const report = async () => {
    const { events } = await collect(
      engine.generate(ask(prompt, { maxTokens: 2, reportsProgress: true })),
    );
    return events.flatMap((event) => event.type === "progress" ? [event] : []);
  };
  const cold = await report();
  const { promptTokens } = cold[0]!.progress;
  assertEquals(cold[0]!.progress, { promptTokens, cachedTokens: 0, processedTokens: 0 });
  assertEquals(cold[0]!.timings.promptPerSecond, 0);
  assertGreater(cold.length, 3);
  const processed = cold.map(({ progress }) => progress.processedTokens);
  assertEquals(processed, processed.toSorted((a, b) => a - b));
  assertEquals(processed.at(-1), promptTokens);
  const warm = await report();
  const cachedTokens = promptTokens - 1;
  assertEquals(warm.map(({ progress }) => progress), [
    { promptTokens, cachedTokens, processedTokens: cachedTokens },
    { promptTokens, cachedTokens, processedTokens: promptTokens },
  ]);
});

Deno.test("timings are reported with each token on request", async () => {
  await using engine = await tinyEngine();
  const { events } = await collect(
    engine.generate(ask(STORY, { maxTokens: 4, reportsTimings: true })),
  );
  const timings = events.flatMap((event) => event.type === "token" ? [event.soFar!.timings] : []);
  assertEquals(timings.length, 4);
  const durations = timings.map(({ predictedMs }) => predictedMs);
  assertEquals(durations, durations.toSorted((a, b) => a - b));
  assertGreater(timings[0]!.promptMs, 0);
});
