import { assert, assertAlmostEquals, assertEquals, assertGreater, assertLess } from "@std/assert";
import { ask, question, TINY_F16 } from "../../../../tests/support/engine.ts";
import { LoopHarness } from "../../../../tests/support/loop.ts";
import type { SequenceRequest } from "../../protocol/mod.ts";

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
function decoded(harness: LoopHarness, maxTokens: number) {
  const id = harness.submit(
    ask(STORY, { maxTokens, logprobs: 0, promptLogprobs: 0, ignoreEos: true }),
  );
  harness.run();
  const { tokens, logprobs, promptLogprobs } = harness.reports[id]!;
  const prompt = promptLogprobs.map(({ token }) => token);
  return { prompt, answer: tokens, logprobs, all: [...prompt, ...tokens] };
}

Deno.test("a prompt's log probabilities are those its tokens had when they were decoded", async () => {
  using harness = await LoopHarness.load(EXACT);
  const { prompt, answer, logprobs, all } = decoded(harness, 100);
  harness.calls = [];
  const id = harness.submit(score(all));
  harness.run();
  const { promptLogprobs, done, tokens } = harness.reports[id]!;
  assertEquals(promptLogprobs.map(({ token }) => token), all);
  assertEquals(promptLogprobs[0]!.logprob, null);
  const scored = promptLogprobs.slice(prompt.length);
  answer.forEach((_, at) => {
    assertClose(scored[at]!.logprob!, logprobs[at]!, `token ${at}`);
  });
  assertEquals([done!.finishReason, tokens.length], ["length", 0]);
  // In a batch, perhaps with one for its last rows, and not token by token.
  assertLess(harness.calls.length, 3);
});

Deno.test("the alternatives of a prompt token begin with the most likely one", async () => {
  using harness = await LoopHarness.load(EXACT);
  const { prompt, answer, all } = decoded(harness, 20);
  const id = harness.submit(score(all, { promptLogprobs: 3 }));
  harness.run();
  const { promptLogprobs } = harness.reports[id]!;
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
  using harness = await LoopHarness.load({ ...EXACT, batchSize: 32 });
  const { all } = decoded(harness, 90);
  using large = await LoopHarness.load(EXACT);
  const [few, many] = [harness, large].map((one) => {
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
  using harness = await LoopHarness.load({
    ...EXACT,
    ...{ contextLength: 256, parallel: 2 },
  });
  const { all } = decoded(harness, 120);
  const full = Array.from({ length: 256 }, (_, at) => all[at % all.length]!);
  // The second call finds no room: the younger sequence is swapped out and computed again later.
  harness.calls = [];
  harness.isFull = (call) => call === 1;
  const ids = [harness.submit(score(all)), harness.submit(score(full))];
  harness.run();
  ids.forEach((id, at) => {
    const { promptLogprobs, error } = harness.reports[id]!;
    assertEquals(error, null);
    assertEquals(promptLogprobs.map(({ token }) => token), [all, full][at]);
  });
  const tooLong = harness.submit(score([...full, 5]));
  harness.run();
  assertEquals(harness.reports[tooLong]!.error?.kind, "context_length");
});

Deno.test("a cached prompt is scored although its answer has begun", async () => {
  using harness = await LoopHarness.load({ ...EXACT, parallel: 2 });
  const { prompt, answer } = decoded(harness, 20);
  const scored = () => ({
    ...ask("", { maxTokens: 20, promptLogprobs: 0, ignoreEos: true }),
    prompt: [{ tokens: prompt }],
  });
  const ids = [harness.submit({ ...scored(), begun: { tokens: answer.slice(0, 5) } })];
  // Another one waits with inserted tokens.
  const others = [1, 2].map(() => harness.submit(ask(STORY, { maxTokens: 20 })));
  ids.push(harness.submit(scored()));
  harness.edit(ids[1]!, { tokens: answer.slice(0, 5) });
  harness.run();
  for (const id of ids) {
    const { error, promptLogprobs, tokens } = harness.reports[id]!;
    assertEquals(error, null);
    assertEquals(promptLogprobs.map(({ token }) => token), prompt);
    assertEquals(tokens.slice(-15), answer.slice(5));
  }
  for (const id of others) assertEquals(harness.reports[id]!.error, null);
});
