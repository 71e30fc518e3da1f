/** Whose turn it is, counted in native calls and their tokens: time would depend on the machine. */
import { assertEquals, assertGreater, assertLess } from "@std/assert";
import { join } from "@std/path";
import { withFolder } from "../../../ffi/testing.ts";
import { DEFAULT_SHAPE, type ModelShape, writeModel } from "../../../scripts/bench/gguf_writer.ts";
import { benchVocabulary } from "../../../scripts/bench/vocabulary.ts";
import { ask, question, TINY_F16 } from "../../../tests/support/engine.ts";
import { type Call, LoopBench } from "../../../tests/support/loop.ts";
import type { LoadOptions, SequenceRequest } from "../protocol/mod.ts";

const VOCABULARY = 600;
/** Computes 3,000 tokens in a blink. */
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

/** A loop on a model of random weights. */
async function withLoop(
  options: Partial<LoadOptions>,
  use: (bench: LoopBench) => void,
): Promise<void> {
  await withFolder(async (folder) => {
    const path = join(folder, "random.gguf");
    await writeModel(path, SHAPE, benchVocabulary(VOCABULARY));
    using bench = await LoopBench.load({
      modelPaths: [path],
      contextLength: 4096,
      parallel: 8,
      batchSize: BATCH,
      lookup: false,
      ...options,
    });
    use(bench);
  });
}

/** A request whose prompt has as many tokens, unlike those of other seeds from the first one on. */
function prompt(
  length: number,
  seed: number,
  changes: Partial<SequenceRequest> = {},
): SequenceRequest {
  const tokens = Array.from({ length }, (_, at) => 300 + (seed * 37 + at * 7) % 290);
  return ask("", { prompt: [{ tokens }], maxTokens: null, ignoreEos: true, ...changes });
}

/** Answers are computed one token each; every other call is of prompts. */
const isPrefill = ({ tokens, outputs }: Call) => outputs < tokens;

/** The prompt calls between two tokens of an answer, for each token from the given call on. */
function promptCallsBetween(bench: LoopBench, id: number, from: number): Call[][] {
  const at = bench.reports[id]!.at.filter((call) => call > from);
  return at.slice(1).map((call, index) => bench.calls.slice(at[index]!, call).filter(isPrefill));
}

Deno.test("a 3,000-token prompt comes between two tokens of others with one bounded batch at most", async () => {
  await withLoop({}, (bench) => {
    const others = [1, 2, 3, 4, 5, 6, 7].map((seed) => bench.submit(prompt(20, seed)));
    bench.run(() => others.every((id) => bench.reports[id]!.tokens.length >= 5));
    const before = bench.calls.length;
    const long = bench.submit(prompt(2999, 8));
    bench.run(() => bench.reports[long]!.tokens.length >= 5);
    for (const id of others) {
      const gaps = promptCallsBetween(bench, id, before);
      assertGreater(gaps.length, 3000 / BATCH);
      assertEquals(Math.max(...gaps.map((calls) => calls.length)), 1, `stream ${id}`);
    }
    const chunks = bench.calls.slice(before).filter(isPrefill);
    for (const { tokens } of chunks) assertLess(tokens, BATCH + 1);
    for (const { tokens } of chunks.slice(0, -1)) assertGreater(tokens, 31);
    // And it goes on with every turn: no answer has two tokens while the prompt waits.
    const last = bench.calls.lastIndexOf(chunks.at(-1)!);
    for (let call = before + 1; call < last; call++) {
      assertEquals(isPrefill(bench.calls[call]!), !isPrefill(bench.calls[call - 1]!));
    }
    assertEquals(chunks.reduce((sum, { tokens }) => sum + tokens, 0), 3000);
    // All seven answers are in every batch of answers.
    const answers = bench.calls.slice(before, last).filter((call) => !isPrefill(call));
    assertEquals(new Set(answers.map(({ tokens }) => tokens)), new Set([7]));
  });
});

Deno.test("many long prompts at once come between two tokens of others with one batch too", async () => {
  await withLoop({}, (bench) => {
    const other = bench.submit(prompt(20, 1));
    bench.run(() => bench.reports[other]!.tokens.length >= 2);
    const before = bench.calls.length;
    const long = [2, 3, 4, 5, 6, 7, 8].map((seed) => bench.submit(prompt(400, seed)));
    bench.run(() => long.every((id) => bench.reports[id]!.tokens.length >= 2));
    const gaps = promptCallsBetween(bench, other, before);
    assertEquals(Math.max(...gaps.map((calls) => calls.length)), 1);
    for (const { tokens } of gaps.flat()) assertLess(tokens, BATCH + 1);
  });
});

Deno.test("a short prompt overtakes a long one that is being computed", async () => {
  await withLoop({}, (bench) => {
    const long = bench.submit(prompt(3000, 1));
    bench.run(() => bench.calls.length >= 2);
    const short = bench.submit(prompt(30, 2));
    bench.run(() => bench.reports[short]!.tokens.length >= 1);
    assertEquals(bench.calls.length, 3);
    bench.run(() => bench.reports[long]!.tokens.length >= 1);
  });
});

Deno.test("what n answers to one prompt share is computed once", async () => {
  await withLoop({}, (bench) => {
    const ids = [1, 2, 3, 4].map((seed) =>
      bench.submit(prompt(700, 1, { maxTokens: 4, sampling: { temperature: 1, seed } }))
    );
    bench.run();
    const { promptTokens, cachedTokens } = bench.status;
    assertEquals([promptTokens, cachedTokens], [4 * 701, 3 * 700]);
    // The first computes all of it, and each other one the last token, to be sampled from.
    const chunks = bench.calls.filter(isPrefill);
    assertEquals(chunks.reduce((sum, { tokens }) => sum + tokens, 0), 701);
    const tokens = bench.calls.reduce((sum, call) => sum + call.tokens, 0);
    assertEquals(tokens, 701 + 3 + 4 * 3);
    for (const id of ids) assertEquals(bench.reports[id]!.done?.finishReason, "length");
  });
});

Deno.test("readers who stop hold nobody up, and go on where they were without computing it again", async () => {
  using bench = await LoopBench.load({ modelPaths: [TINY_F16], parallel: 2, lookup: false });
  const story = (subject: string) =>
    ask(question(`Tell me a story about a ${subject}.`), { maxTokens: 50, ignoreEos: true });
  // What it has computed itself is its own, also where a request wants no other's prompt.
  const requests = [story("fox"), { ...story("bee"), cachePrompt: false }, story("king")];
  const alone = requests.map((request) => bench.together([request])[0]!.text);
  bench.restart();
  const stopped = requests.slice(0, 2).map((request) => bench.submit(request));
  bench.run(() => stopped.every((id) => bench.reports[id]!.tokens.length >= 10));
  for (const id of stopped) bench.control(id, { type: "pause" });
  assertEquals(bench.hasWork, false);
  const third = bench.submit(requests[2]!);
  bench.run();
  assertEquals(bench.reports[third]!.text, alone[2]);
  assertEquals([bench.status.running, bench.status.queued], [1, 1]);
  const before = bench.calls.length;
  for (const id of stopped) bench.control(id, { type: "resume" });
  bench.run();
  assertEquals(stopped.map((id) => bench.reports[id]!.text), alone.slice(0, 2));
  assertEquals(bench.calls.slice(before).filter(isPrefill), []);
  assertEquals([bench.status.running, bench.status.queued], [0, 0]);
});

Deno.test("a queue takes sixteen requests for each stream, and a refused request gets a retry time", async () => {
  await withLoop({ parallel: 2 }, (bench) => {
    const ids = Array.from({ length: 40 }, (_, seed) => bench.submit(prompt(5, seed)));
    const refused = ids.filter((id) => bench.reports[id]!.error !== null);
    assertEquals(refused, ids.slice(32));
    assertEquals([bench.status.queued, bench.status.queueLimit], [32, 32]);
    for (const id of refused) {
      const { kind, message, retryAfter } = bench.reports[id]!.error!;
      assertEquals([kind, retryAfter], ["overloaded", 1]);
      assertEquals(message, "The queue is full: 32 requests are waiting");
    }
    for (const id of ids.slice(0, 32)) bench.control(id, { type: "cancel" });
    assertEquals([bench.status.running, bench.status.queued, bench.hasWork], [0, 0, false]);
  });
});

Deno.test("who has waited long goes before shorter prompts and higher priorities that come later", async () => {
  await withLoop({ parallel: 1 }, (bench) => {
    const running = bench.submit(prompt(5, 0));
    bench.run(() => bench.reports[running]!.tokens.length === 1);
    const long = bench.submit(prompt(3500, 1, { maxTokens: 1 }));
    // The clock alone is the test's own: half a minute passes.
    const real = performance.now;
    performance.now = () => real.call(performance) + 30_000;
    try {
      const later = [
        bench.submit(prompt(10, 2, { maxTokens: 1 })),
        bench.submit(prompt(10, 3, { maxTokens: 1, priority: 1 })),
        bench.submit(prompt(10, 4, { maxTokens: 1, priority: 10 })),
      ];
      bench.control(running, { type: "cancel" });
      bench.run();
      const order = [long, ...later].toSorted((a, b) =>
        bench.reports[a]!.at[0]! - bench.reports[b]!.at[0]!
      );
      assertEquals(order, [later[2], long, later[1], later[0]]);
    } finally {
      performance.now = real;
    }
  });
});
