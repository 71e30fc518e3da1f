import { assert, assertAlmostEquals, assertEquals, assertGreater } from "@std/assert";
import { ask, question, TINY_F16 } from "../../../tests/support/engine.ts";
import { LoopBench } from "../../../tests/support/loop.ts";
import type { SequenceRequest } from "../protocol/mod.ts";

/** A model whose log probabilities depend little on the batch: kernels round, and so does the cache. */
const EXACT = { modelPaths: [TINY_F16], kvType: "f32", flashAttention: "off" } as const;

/** Fails where two log probabilities differ by more than a thousandth of them, or of 1. */
function assertClose(actual: number, expected: number, message: string): void {
  assertAlmostEquals(actual, expected, 0.001 * Math.max(1, Math.abs(expected)), message);
}

const STORY = question("Tell me a story about a fox.");

/** A request for the log probabilities of a prompt, without an answer. */
function score(tokens: readonly number[], changes: Partial<SequenceRequest> = {}): SequenceRequest {
  return { ...ask(""), prompt: [{ tokens }], maxTokens: 0, promptLogprobs: 0, ...changes };
}

/** A greedy answer to the story's prompt, with the log probability of each token as it was decoded. */
function decoded(bench: LoopBench, maxTokens: number) {
  const id = bench.submit(
    ask(STORY, { maxTokens, logprobs: 0, promptLogprobs: 0, ignoreEos: true }),
  );
  bench.run();
  const { tokens, logprobs, promptLogprobs } = bench.reports[id]!;
  const prompt = promptLogprobs.map(({ token }) => token);
  return { prompt, answer: tokens, logprobs, all: [...prompt, ...tokens] };
}

Deno.test("a prompt's log probabilities are those its tokens had when they were decoded", async () => {
  using bench = await LoopBench.load(EXACT);
  const { prompt, answer, logprobs, all } = decoded(bench, 100);
  bench.calls = [];
  const id = bench.submit(score(all));
  bench.run();
  const { promptLogprobs, done, tokens } = bench.reports[id]!;
  assertEquals(promptLogprobs.map(({ token }) => token), all);
  assertEquals(promptLogprobs[0]!.logprob, null);
  const scored = promptLogprobs.slice(prompt.length);
  answer.forEach((_, at) => {
    assertClose(scored[at]!.logprob!, logprobs[at]!, `token ${at}`);
  });
  assertEquals([done!.finishReason, tokens.length], ["length", 0]);
  // In batches, and not token by token.
  assertEquals(bench.calls.length, 1);
});

Deno.test("the alternatives beside a prompt's token begin with the likeliest one", async () => {
  using bench = await LoopBench.load(EXACT);
  const { prompt, answer, all } = decoded(bench, 20);
  const id = bench.submit(score(all, { promptLogprobs: 3 }));
  bench.run();
  const { promptLogprobs } = bench.reports[id]!;
  assertEquals(promptLogprobs[0]!.top, []);
  for (const { top } of promptLogprobs.slice(1)) {
    assertEquals(top.length, 3);
    assertGreater(top[0]!.logprob, top[2]!.logprob);
  }
  // A greedy answer is made of the likeliest tokens.
  const likeliest = promptLogprobs.slice(prompt.length).map(({ top }) => top[0]!.token);
  assertEquals(likeliest, answer);
});

Deno.test("a scored prompt is computed in as many batches as outputs allow", async () => {
  using bench = await LoopBench.load({ ...EXACT, batchSize: 32 });
  const { all } = decoded(bench, 90);
  using large = await LoopBench.load(EXACT);
  const [few, many] = [bench, large].map((one) => {
    one.calls = [];
    const ids = [0, 1, 2].map(() => one.submit(score(all)));
    one.run();
    return { calls: one.calls, reports: ids.map((id) => one.reports[id]!.promptLogprobs) };
  });
  assert(few!.calls.every(({ outputs }) => outputs <= 32));
  assertGreater(few!.calls.length, many!.calls.length);
  for (const report of [...few!.reports, ...many!.reports]) {
    assertEquals(report.length, all.length);
    report.slice(1).forEach(({ logprob }, at) => {
      assertClose(logprob!, many!.reports[0]![at + 1]!.logprob!, `token ${at + 1}`);
    });
  }
});

Deno.test("a prompt that fills the context can be scored, and is reported once after an interruption", async () => {
  using bench = await LoopBench.load({
    ...EXACT,
    ...{ contextLength: 256, parallel: 2, kvUnified: true },
  });
  const { all } = decoded(bench, 120);
  const full = Array.from({ length: 256 }, (_, at) => all[at % all.length]!);
  // The second call finds no room: the younger sequence is swapped out and computed again later.
  bench.calls = [];
  bench.isFull = (call) => call === 1;
  const ids = [bench.submit(score(all)), bench.submit(score(full))];
  bench.run();
  ids.forEach((id, at) => {
    const { promptLogprobs, error } = bench.reports[id]!;
    assertEquals(error, null);
    assertEquals(promptLogprobs.map(({ token }) => token), [all, full][at]);
  });
  const tooLong = bench.submit(score([...full, 5]));
  bench.run();
  assertEquals(bench.reports[tooLong]!.error?.kind, "context_length");
});
