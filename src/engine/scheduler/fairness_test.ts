/** Fairness, counted in native calls and their tokens: times would depend on the machine. */
import { assertEquals, assertGreater, assertLess } from "@std/assert";
import { join } from "node:path";
import { withFolder } from "../../../ffi/testing.ts";
import { DEFAULT_SHAPE, type ModelShape, writeModel } from "../../../scripts/bench/gguf_writer.ts";
import { benchVocabulary } from "../../../scripts/bench/vocabulary.ts";
import { ask, question, TINY_F16 } from "../../../tests/support/engine.ts";
import { type Call, LoopHarness } from "../../../tests/support/loop.ts";
import type { LoadOptions, SequenceRequest } from "../protocol/mod.ts";

const VOCABULARY = 600;
/** A model that computes 3,000 tokens in no time. */
const SHAPE: ModelShape = {
  ...DEFAULT_SHAPE,
  type: "f16",
  embedding: 64,
  layers: 2,
  heads: 2,
  kvHeads: 1,
  feedForward: 64,
  context: 4096,
};
const BATCH = 128;

/** A loop on a model with random weights. */
async function withLoop(
  options: Partial<LoadOptions>,
  use: (harness: LoopHarness) => void,
): Promise<void> {
  await withFolder(async (folder) => {
    const path = join(folder, "random.gguf");
    await writeModel(path, SHAPE, benchVocabulary(VOCABULARY));
    using harness = await LoopHarness.load({
      modelPaths: [path],
      contextLength: 4096,
      parallel: 8,
      batchSize: BATCH,
      lookup: false,
      ...options,
    });
    use(harness);
  });
}

/**
 * A request with a prompt of this many tokens; prompts of different seeds differ from the first
 * token.
 */
function prompt(
  length: number,
  seed: number,
  changes: Partial<SequenceRequest> = {},
): SequenceRequest {
  const tokens = Array.from({ length }, (_, at) => 300 + (seed * 37 + at * 7) % 290);
  return ask("", { prompt: [{ tokens }], maxTokens: null, ignoreEos: true, ...changes });
}

/** Decode batches have one token per sequence; all other calls are prefill batches. */
const isPrefill = ({ tokens, outputs }: Call) => outputs < tokens;

/** Rows of a prompt that can be left for a batch of their own: fewer than a tile of AMX. */
const TAIL = 16;

/**
 * The prefill calls between two tokens of an answer, for each token from the given call on, without those
 * for the last rows of a prompt.
 */
function promptCallsBetween(harness: LoopHarness, id: number, from: number): Call[][] {
  const at = harness.reports[id]!.at.filter((call) => call > from);
  return at.slice(1).map((call, index) =>
    withoutTails(harness.calls.slice(at[index]!, call)).filter(isPrefill)
  );
}

/** Calls without those for the last rows of the prompt of the call before. */
function withoutTails(calls: readonly Call[]): readonly Call[] {
  return calls.filter((call, index) => {
    const before = calls[index - 1];
    return !(before !== undefined && isPrefill(before) && isPrefill(call) && call.tokens < TAIL);
  });
}

Deno.test("a 3,000-token prompt adds at most one bounded batch between two tokens of others", async () => {
  await withLoop({}, (harness) => {
    const others = [1, 2, 3, 4, 5, 6, 7].map((seed) => harness.submit(prompt(20, seed)));
    harness.run(() => others.every((id) => harness.reports[id]!.tokens.length >= 5));
    const before = harness.calls.length;
    const long = harness.submit(prompt(2999, 8));
    harness.run(() => harness.reports[long]!.tokens.length >= 5);
    for (const id of others) {
      const gaps = promptCallsBetween(harness, id, before);
      assertGreater(gaps.length, 3000 / BATCH);
      assertEquals(Math.max(...gaps.map((calls) => calls.length)), 1, `stream ${id}`);
    }
    const chunks = harness.calls.slice(before).filter(isPrefill);
    for (const { tokens } of chunks) assertLess(tokens, BATCH + 1);
    for (const { tokens } of withoutTails(chunks).slice(0, -1)) assertGreater(tokens, 31);
    // Batches alternate: no sequence gets two tokens while the prompt waits.
    const last = harness.calls.lastIndexOf(chunks.at(-1)!);
    const alternating = withoutTails(harness.calls.slice(before, last));
    for (const [index, call] of alternating.entries()) {
      if (index > 0) assertEquals(isPrefill(call), !isPrefill(alternating[index - 1]!));
    }
    assertEquals(chunks.reduce((sum, { tokens }) => sum + tokens, 0), 3000);
    // All seven sequences are in every decode batch.
    const answers = harness.calls.slice(before, last).filter((call) => !isPrefill(call));
    assertEquals(new Set(answers.map(({ tokens }) => tokens)), new Set([7]));
  });
});

Deno.test("many long prompts add at most one batch between two tokens of others", async () => {
  await withLoop({}, (harness) => {
    const other = harness.submit(prompt(20, 1));
    harness.run(() => harness.reports[other]!.tokens.length >= 2);
    const before = harness.calls.length;
    const long = [2, 3, 4, 5, 6, 7, 8].map((seed) => harness.submit(prompt(400, seed)));
    harness.run(() => long.every((id) => harness.reports[id]!.tokens.length >= 2));
    const gaps = promptCallsBetween(harness, other, before);
    assertEquals(Math.max(...gaps.map((calls) => calls.length)), 1);
    for (const { tokens } of gaps.flat()) assertLess(tokens, BATCH + 1);
  });
});

Deno.test("prompts that come together are computed before the first of their answers goes on", async () => {
  // Two tiles of AMX for each of the prompts: smaller parts are not made.
  await withLoop({ batchSize: 2 * BATCH }, (harness) => {
    // The time of a token must be known.
    harness.runAll([prompt(100, 0, { maxTokens: 1 })]);
    const first = harness.submit(prompt(100, 1));
    harness.run(() => harness.reports[first]!.tokens.length >= 1);
    const before = harness.calls.length;
    const others = [2, 3, 4, 5, 6, 7, 8].map((seed) => harness.submit(prompt(100, seed)));
    const all = [first, ...others];
    harness.run(() => all.every((id) => harness.reports[id]!.tokens.length >= 2));
    const calls = harness.calls.slice(before);
    const lastPrompt = calls.findLastIndex(isPrefill);
    assertEquals(calls.slice(0, lastPrompt).filter((call) => !isPrefill(call)), []);
    // Their first tokens come with the same batch.
    assertEquals(new Set(others.map((id) => harness.reports[id]!.at[0])).size, 1);
    // Later prompts do not hold up answers that go on.
    const late = [9, 10].map((seed) => harness.submit(prompt(100, seed)));
    harness.control(all[7]!, { type: "cancel" });
    harness.control(all[6]!, { type: "cancel" });
    const then = harness.calls.length;
    harness.run(() => late.every((id) => harness.reports[id]!.tokens.length >= 1));
    for (const id of all.slice(0, 6)) {
      const gaps = promptCallsBetween(harness, id, then);
      assertLess(Math.max(0, ...gaps.map((calls) => calls.length)), 2);
    }
  });
});

Deno.test("a short prompt overtakes a long prompt in progress", async () => {
  await withLoop({}, (harness) => {
    const long = harness.submit(prompt(3000, 1));
    harness.run(() => harness.calls.length >= 2);
    const short = harness.submit(prompt(30, 2));
    harness.run(() => harness.reports[short]!.tokens.length >= 1);
    assertEquals(harness.calls.length, 3);
    harness.run(() => harness.reports[long]!.tokens.length >= 1);
  });
});

Deno.test("the common prompt of n answers is computed once", async () => {
  await withLoop({}, (harness) => {
    const ids = [1, 2, 3, 4].map((seed) =>
      harness.submit(prompt(700, 1, { maxTokens: 4, sampling: { temperature: 1, seed } }))
    );
    harness.run();
    const { promptTokens, cachedTokens } = harness.status;
    assertEquals(promptTokens, 4 * 701);
    // The first sequence computes the whole prompt, each other one its last token, or its last rows.
    assertGreater(cachedTokens, 3 * (700 - TAIL));
    const tokens = harness.calls.reduce((sum, call) => sum + call.tokens, 0);
    assertEquals(tokens, 4 * 701 - cachedTokens + 4 * 3);
    for (const id of ids) assertEquals(harness.reports[id]!.done?.finishReason, "length");
  });
});

Deno.test("paused sequences do not block others and continue without prefill", async () => {
  using harness = await LoopHarness.load({ modelPaths: [TINY_F16], parallel: 2, lookup: false });
  const story = (subject: string) =>
    ask(question(`Tell me a story about a ${subject}.`), { maxTokens: 50, ignoreEos: true });
  // Its own state may be reused even if the request bypasses the cache.
  const requests = [story("fox"), { ...story("bee"), cachePrompt: false }, story("king")];
  const alone = requests.map((request) => harness.runAll([request])[0]!.text);
  harness.restart();
  const stopped = requests.slice(0, 2).map((request) => harness.submit(request));
  harness.run(() => stopped.every((id) => harness.reports[id]!.tokens.length >= 10));
  for (const id of stopped) harness.control(id, { type: "pause" });
  assertEquals(harness.hasWork, false);
  const third = harness.submit(requests[2]!);
  harness.run();
  assertEquals(harness.reports[third]!.text, alone[2]);
  assertEquals([harness.status.running, harness.status.queued], [1, 1]);
  const before = harness.calls.length;
  for (const id of stopped) harness.control(id, { type: "resume" });
  harness.run();
  assertEquals(stopped.map((id) => harness.reports[id]!.text), alone.slice(0, 2));
  assertEquals(harness.calls.slice(before).filter(isPrefill), []);
  assertEquals([harness.status.running, harness.status.queued], [0, 0]);
});

Deno.test("a queue takes sixteen requests for each stream, and a refused request gets a retry time", async () => {
  await withLoop({ parallel: 2 }, (harness) => {
    const ids = Array.from({ length: 40 }, (_, seed) => harness.submit(prompt(5, seed)));
    const refused = ids.filter((id) => harness.reports[id]!.error !== null);
    assertEquals(refused, ids.slice(32));
    assertEquals([harness.status.queued, harness.status.queueLimit], [32, 32]);
    for (const id of refused) {
      const { kind, message, retryAfter } = harness.reports[id]!.error!;
      assertEquals([kind, retryAfter], ["overloaded", 1]);
      assertEquals(message, "The queue is full: 32 requests are waiting");
    }
    for (const id of ids.slice(0, 32)) harness.control(id, { type: "cancel" });
    assertEquals([harness.status.running, harness.status.queued, harness.hasWork], [0, 0, false]);
  });
});

Deno.test("a long-waiting prompt precedes shorter prompts and higher priorities that arrive later", async () => {
  await withLoop({ parallel: 1 }, (harness) => {
    const running = harness.submit(prompt(5, 0));
    harness.run(() => harness.reports[running]!.tokens.length === 1);
    const long = harness.submit(prompt(3500, 1, { maxTokens: 1 }));
    // Only the clock is simulated: half a minute passes.
    const real = performance.now;
    performance.now = () => real.call(performance) + 30_000;
    try {
      const later = [
        harness.submit(prompt(10, 2, { maxTokens: 1 })),
        harness.submit(prompt(10, 3, { maxTokens: 1, priority: 1 })),
        harness.submit(prompt(10, 4, { maxTokens: 1, priority: 10 })),
      ];
      harness.control(running, { type: "cancel" });
      harness.run();
      const order = [long, ...later].toSorted((a, b) =>
        harness.reports[a]!.at[0]! - harness.reports[b]!.at[0]!
      );
      assertEquals(order, [later[2], long, later[1], later[0]]);
    } finally {
      performance.now = real;
    }
  });
});
