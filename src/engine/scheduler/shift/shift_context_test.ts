/** Context shift: answers continue when their context is full. */
import { assertAlmostEquals, assertEquals, assertGreater, assertLess } from "@std/assert";
import { join } from "node:path";
import { withFolder } from "../../../../ffi/testing.ts";
import { DEFAULT_SHAPE, writeModel } from "../../../../scripts/bench/gguf_writer.ts";
import { benchVocabulary } from "../../../../scripts/bench/vocabulary.ts";
import { ask } from "../../../../tests/support/engine.ts";
import { LoopHarness } from "../../../../tests/support/loop.ts";
import type { LoadOptions, SequenceRequest } from "../../protocol/mod.ts";

/**
 * A loop on a model of one layer. Its KV cache entries depend only on the token and its position,
 * so a shifted context equals a recomputed one exactly.
 */
async function withOneLayer(
  ways: readonly Partial<LoadOptions>[],
  use: (...benches: LoopHarness[]) => void,
): Promise<void> {
  await withFolder(async (folder) => {
    const path = join(folder, "one-layer.gguf");
    // Weights of this type are large enough for positions to matter.
    const shape = { ...DEFAULT_SHAPE, type: "q8_0", embedding: 256, layers: 1, heads: 4 } as const;
    await writeModel(path, { ...shape, kvHeads: 4, feedForward: 64 }, benchVocabulary(600));
    using stack = new DisposableStack();
    const benches: LoopHarness[] = [];
    for (const way of ways) {
      // Flash attention's rounding depends on the order of the cells.
      const exact = { kvType: "f32", flashAttention: "off" } as const;
      const options = { modelPaths: [path], lookup: false, parallel: 2, ...exact, ...way };
      benches.push(stack.use(await LoopHarness.load(options)));
    }
    use(...benches);
  });
}

/** A greedy request that continues token ids and ignores end-of-generation tokens. */
function from(tokens: readonly number[], maxTokens: number): SequenceRequest {
  return ask("", { prompt: [{ tokens }], maxTokens, ignoreEos: true, logprobs: 0 });
}

const prompt = (length: number) => Array.from({ length }, (_, at) => 300 + (at * 41) % 290);
const BOS = 1;
/** Tolerance for rounding in log probabilities: one quantized activation that differs changes them by 0.02. */
const ROUNDING = 0.05;

/** A context of 64 tokens that shifts, and one that holds all tokens. */
const SHIFTING = [{ contextLength: 64, contextShift: true }, { contextLength: 256 }] as const;

/** Checks that each token of an answer is as likely as after a prompt of what remained of the context. */
function assertFollows(
  plain: LoopHarness,
  tokens: readonly number[],
  logprobs: readonly (number | null)[],
): void {
  let context = [BOS, ...prompt(19)];
  for (const [at, token] of tokens.entries()) {
    const [anew] = plain.runAll([from(context, 1)]);
    const logprob = logprobs[at];
    // If two tokens are about equally likely, rounding decides between them.
    if (typeof logprob === "number") {
      assertAlmostEquals(logprob, anew!.logprobs[0]!, ROUNDING, `token ${at}`);
    }
    context.push(token);
    // Of the 63 computed tokens, the first one and half of the others remain.
    if (context.length === 64) context = [BOS, ...context.slice(1 + 31)];
  }
}

Deno.test("a shifted context equals one computed from its remaining tokens", async () => {
  await withOneLayer(SHIFTING, (shifting, plain) => {
    const { tokens, logprobs, done } = shifting.runAll([from(prompt(19), 150)])[0]!;
    assertEquals(done?.finishReason, "length");
    assertFollows(plain, tokens, logprobs);
  });
});

// The context is full with 44, 75 and 106 tokens of the answer.
for (const keep of [115, 106, 90, 44, 10, 0]) {
  Deno.test(`an answer of 120 tokens after shifts is rewound to ${keep}`, async () => {
    await withOneLayer(SHIFTING, (shifting, plain) => {
      const id = shifting.submit(from(prompt(19), 150));
      const report = shifting.reports[id]!;
      shifting.run(() => report.tokens.length === 120);
      assertEquals(shifting.edit(id, { keep }), keep);
      const calls = shifting.calls.length;
      const kept = report.logprobs.slice(0, keep);
      report.logprobs.length = 0;
      shifting.run();
      assertEquals(report.tokens.length, 150);
      assertFollows(plain, report.tokens, [...kept, ...report.logprobs]);
      const { completionTokens, promptTokens, discardedTokens } = report.done!.usage;
      assertEquals([promptTokens, completionTokens], [20, 150]);
      assertEquals(discardedTokens, 120 - keep);
      const computed = shifting.calls.slice(calls).reduce((sum, { tokens }) => sum + tokens, 0);
      // Only tokens that a shift has dropped are computed again.
      if (keep >= 106) assertEquals(computed, 150 - keep);
      else assertLess(computed, 150 - keep + 64);
    });
  });
}

Deno.test("tokens that are inserted into a full context shift it", async () => {
  await withOneLayer(SHIFTING, (shifting, plain) => {
    const id = shifting.submit(from(prompt(19), 150));
    const report = shifting.reports[id]!;
    shifting.run(() => report.tokens.length === 40);
    const inserted = prompt(30).toReversed();
    assertEquals(shifting.edit(id, { tokens: inserted }), 70);
    const { tokens } = report;
    const all = [...prompt(19), ...tokens];
    assertEquals(all.length, 89);
    report.logprobs.length = 0;
    shifting.run(() => tokens.length === 80);
    // Of 90 tokens with the first one, 44 of the oldest others are dropped.
    let context = [BOS, ...all.slice(44)];
    for (const [at, token] of tokens.slice(70).entries()) {
      const [anew] = plain.runAll([from(context, 1)]);
      assertAlmostEquals(report.logprobs[at]!, anew!.logprobs[0]!, ROUNDING, `token ${at}`);
      context = [...context, token];
    }
    shifting.run();
    assertEquals(report.done!.finishReason, "length");
    assertEquals(tokens.length, 150);
  });
});

Deno.test("a fork after a shift copies the shifted cells, and goes on like its answer", async () => {
  const [shift, whole] = SHIFTING;
  await withOneLayer([{ ...shift, parallel: 3 }, whole], (shifting, plain) => {
    const request = from(prompt(19), 150);
    const id = shifting.submit(request);
    const parent = shifting.reports[id]!;
    shifting.run(() => parent.tokens.length === 60);
    // One from before the shift, one from after it.
    const forks = [30, 55].map((at) => {
      const tokens = parent.tokens.slice(0, at);
      return { at, tokens, id: shifting.submit({ ...request, begun: { tokens } }) };
    });
    shifting.run();
    for (const { at, tokens, id } of forks) {
      const fork = shifting.reports[id]!;
      assertEquals(fork.error, null);
      const logprobs = [...tokens.map(() => null), ...fork.logprobs];
      assertFollows(plain, [...tokens, ...fork.tokens], logprobs);
      assertEquals(fork.done!.usage.completionTokens, 150);
      // The context has 20 tokens of the prompt; the shift dropped 31.
      if (at === 55) assertEquals(fork.done!.usage.cachedTokens, 20 + at - 31 - 1);
    }
    assertFollows(plain, parent.tokens, parent.logprobs);
  });
});

Deno.test("after a shift, penalties look back on the remaining context", async () => {
  await withOneLayer([
    { contextLength: 64, contextShift: true },
    { contextLength: 256 },
  ], (shifting, plain) => {
    const sampling = { temperature: 0, presencePenalty: 2, repeatLastN: -1 };
    const id = shifting.submit(from(prompt(19), 70));
    const { tokens } = shifting.reports[id]!;
    shifting.run(() => tokens.length === 50);
    shifting.control(id, { type: "sampling", sampling });
    shifting.run();
    // The context was full with the 44th token: the first one and half of the others remain.
    const left = [BOS, ...[...prompt(19), ...tokens.slice(0, 50)].slice(31)];
    const request = { ...from(left, 20), sampling };
    assertEquals(tokens.slice(50), plain.runAll([request])[0]!.tokens);
  });
});

Deno.test("in a unified buffer a shift does not change sequences that share the prompt", async () => {
  const options = { contextLength: 100, kvUnified: true, lookup: false };
  await withOneLayer([
    { ...options, contextShift: true },
    { ...options, contextLength: 256 },
  ], (shifting, plain) => {
    const other = from([...prompt(80), 310], 16);
    const alone = plain.runAll([other])[0]!.tokens;
    shifting.restart();
    const shifted = shifting.submit(from(prompt(80), 40));
    // Nearly full, and holds the prefix of the other prompt.
    shifting.run(() => shifting.reports[shifted]!.tokens.length === 12);
    const beside = shifting.submit(other);
    shifting.run();
    assertEquals(shifting.reports[beside]!.done!.usage.cachedTokens, 81);
    assertEquals(shifting.reports[beside]!.tokens, alone);
    assertEquals(shifting.reports[shifted]!.tokens.length, 40);
  });
});

Deno.test("a shifted stream is not reused by others, nor saved before its positions have moved", async () => {
  await withOneLayer([
    { contextLength: 200, contextShift: true, parallel: 1 },
    { contextLength: 256 },
  ], (harness, fresh) => {
    // Full with its last token: it ends before its positions have moved.
    const shifted = harness.submit(from(prompt(150), 100));
    harness.run(() => harness.reports[shifted]!.tokens.length === 49);
    const { tokens } = harness.reports[shifted]!;
    harness.control(shifted, { type: "cancel" });
    assertEquals(harness.status.cellsUsed, 0);
    // Of 199 computed tokens, the first one and half of the others remain.
    const left = [...prompt(150), ...tokens].slice(99, -1);
    const other = { ...from(prompt(20).toReversed(), 4), cachePrompt: false };
    for (const request of [other, from(left, 8)]) {
      const id = harness.submit(request);
      harness.run();
      assertEquals(harness.reports[id]!.tokens, fresh.runAll([request])[0]!.tokens);
      assertLess(harness.reports[id]!.done!.usage.cachedTokens, 2);
    }
  });
});

Deno.test("no later prompt finds the tokens that a shifted stream had", async () => {
  await withOneLayer([
    { contextLength: 100, contextShift: true, parallel: 2 },
    { contextLength: 256 },
  ], (harness, fresh) => {
    const run = (request: SequenceRequest) => {
      const id = harness.submit(request);
      harness.run();
      return harness.reports[id]!;
    };
    const shared = prompt(40);
    const shifted = from([...shared, ...prompt(30).toReversed()], 60);
    const first = harness.submit(shifted);
    // Another prompt branches off, and stays cached.
    const second = harness.submit(from([...shared, 311, 312, 313], 2));
    harness.run();
    assertEquals(harness.reports[second]!.tokens.length, 2);
    assertEquals(harness.reports[first]!.tokens.length, 60);
    // The stream that was shifted gets other tokens, then the first prompt comes again.
    run({ ...from(prompt(90).map((token) => token + 1), 2), cachePrompt: false });
    const again = run({ ...shifted, maxTokens: 8 });
    const [alone] = fresh.runAll([{ ...shifted, maxTokens: 8 }]);
    assertEquals(again.tokens, alone!.tokens);
    for (const [at, logprob] of again.logprobs.entries()) {
      assertAlmostEquals(logprob, alone!.logprobs[at]!, ROUNDING);
    }
    assertEquals(again.done!.usage.cachedTokens, 41);
  });
});

Deno.test("a shifted answer that was preempted leaves no state behind", async () => {
  const options = { contextLength: 256, contextShift: true, kvUnified: true, parallel: 2 };
  await withOneLayer([options], (harness) => {
    const first = harness.submit(from(prompt(100), 400));
    // The context was full with the 155th token.
    harness.run(() => harness.reports[first]!.tokens.length === 160);
    const second = harness.submit({ ...from(prompt(20).toReversed(), 150), priority: 1 });
    harness.run(() => harness.status.preemptions > 0);
    assertGreater(harness.status.savedBytes, 0);
    harness.run();
    assertEquals(harness.reports[first]!.tokens.length, 400);
    assertEquals(harness.reports[second]!.tokens.length, 150);
    assertEquals(harness.status.savedBytes, 0);
  });
});
