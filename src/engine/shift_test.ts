/** Answers that go on when their context is full. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { withFolder } from "../../ffi/testing.ts";
import { DEFAULT_SHAPE, writeModel } from "../../scripts/bench/gguf_writer.ts";
import { benchVocabulary } from "../../scripts/bench/vocabulary.ts";
import { ask } from "../../tests/support/engine.ts";
import { LoopBench } from "../../tests/support/loop.ts";
import type { LoadOptions, SequenceRequest } from "./protocol.ts";

/**
 * A loop on a model of one layer: what it keeps of a token depends on nothing but the token and its
 * position, so a context that was shifted is exactly the one that was computed anew.
 */
async function withOneLayer(
  ways: readonly Partial<LoadOptions>[],
  use: (...benches: LoopBench[]) => void,
): Promise<void> {
  await withFolder(async (folder) => {
    const path = join(folder, "one-layer.gguf");
    const shape = { embedding: 64, layers: 1, heads: 2, kvHeads: 1, feedForward: 64, seed: 3 };
    await writeModel(path, { ...DEFAULT_SHAPE, ...shape, type: "f16" }, benchVocabulary(600));
    using stack = new DisposableStack();
    const benches: LoopBench[] = [];
    for (const way of ways) {
      const options = { modelPaths: [path], kvType: "f32", lookup: false, parallel: 2 } as const;
      benches.push(stack.use(await LoopBench.load({ ...options, ...way })));
    }
    use(...benches);
  });
}

/** A greedy request that goes on from token ids, past any end. */
function from(tokens: readonly number[], maxTokens: number): SequenceRequest {
  return ask("", { prompt: [{ tokens }], maxTokens, ignoreEos: true });
}

const prompt = (length: number) => Array.from({ length }, (_, at) => 300 + (at * 41) % 290);
const BOS = 1;

Deno.test("a shifted context is the one that its remaining tokens would make", async () => {
  await withOneLayer([
    { contextLength: 64, contextShift: true },
    { contextLength: 256 },
  ], (shifting, plain) => {
    const report = shifting.together([from(prompt(19), 150)])[0]!;
    assertEquals(report.done?.finishReason, "length");
    let context = [BOS, ...prompt(19)];
    const wanted: number[] = [];
    while (wanted.length < 150) {
      const made = plain.together([from(context, 64 - context.length)])[0]!.tokens;
      wanted.push(...made);
      const whole = [...context, ...made];
      // Of the 63 tokens that are computed, the first stays and half of the others go.
      context = [BOS, ...whole.slice(1 + 31)];
    }
    assertEquals(report.tokens, wanted.slice(0, 150));
  });
});

Deno.test("in one buffer a shift moves nobody else's positions, whoever shares the prompt", async () => {
  const options = { contextLength: 100, kvUnified: true, lookup: false };
  await withOneLayer([
    { ...options, contextShift: true },
    { ...options, contextLength: 256 },
  ], (shifting, plain) => {
    const other = from([...prompt(80), 310], 16);
    const alone = plain.together([other])[0]!.tokens;
    shifting.restart();
    const shifted = shifting.submit(from(prompt(80), 40));
    // It is about to be full, and has computed what the other one begins with.
    shifting.run(() => shifting.reports[shifted]!.tokens.length === 12);
    const beside = shifting.submit(other);
    shifting.run();
    assertEquals(shifting.reports[beside]!.done!.usage.cachedTokens, 81);
    assertEquals(shifting.reports[beside]!.tokens, alone);
    assertEquals(shifting.reports[shifted]!.tokens.length, 40);
  });
});

Deno.test("what a shift left is not given to others, and not saved before it has moved", async () => {
  await withOneLayer([
    { contextLength: 64, contextShift: true, parallel: 1 },
    { contextLength: 64, contextShift: true, parallel: 1 },
  ], (bench, fresh) => {
    // Full with its last token: it ends before its positions have moved.
    const shifted = bench.submit(from(prompt(40), 100));
    bench.run(() => bench.reports[shifted]!.tokens.length === 23);
    const { tokens } = bench.reports[shifted]!;
    bench.control(shifted, { type: "cancel" });
    const rest = [...prompt(40), ...tokens].slice(31, -1);
    for (const request of [from(prompt(20).toReversed(), 4), from(rest, 8)]) {
      const id = bench.submit(request);
      bench.run();
      const { tokens, done } = bench.reports[id]!;
      assertEquals(tokens, fresh.together([request])[0]!.tokens);
      assertEquals(done!.usage.cachedTokens <= 1, true);
    }
  });
});
