/** A preempted sequence continues as if it had not been preempted. */
import { assert, assertAlmostEquals, assertEquals, assertGreater } from "@std/assert";
import { ask, DRAFT, question, TINY_F16 } from "../../../tests/support/engine.ts";
import { LoopHarness, type Report } from "../../../tests/support/loop.ts";
import type { LoadOptions, SequenceRequest } from "../protocol/mod.ts";

/** Tolerance for rounding in log probabilities. */
const ROUNDING = 0.02;

const STORY = question("Tell me a story about a fox.");
const COUNT = question("Count from 3 to 40.");

/** Requests with all kinds of state between two tokens. */
const REQUESTS: Readonly<Record<string, SequenceRequest>> = {
  greedy: ask(COUNT, { maxTokens: 28 }),
  sampled: ask(STORY, { maxTokens: 28, sampling: { temperature: 1, seed: 7 } }),
  penalized: ask(STORY, {
    maxTokens: 28,
    sampling: { temperature: 0, repeatPenalty: 1.3, repeatLastN: -1 },
  }),
  mirostat: ask(STORY, { maxTokens: 28, sampling: { temperature: 1, mirostat: 2, seed: 3 } }),
  grammar: ask(COUNT, {
    grammar: { source: 'root ::= [0-9]+ (", " [0-9]+){7} "!"' },
    sampling: { temperature: 0.5, seed: 5 },
  }),
  "a lazy grammar": ask(question("What is the capital of France?"), {
    grammar: { source: 'root ::= " is" " Rome, not Paris!"', triggers: ["France( is)"] },
  }),
  "a reasoning budget": ask(question("What is the capital of Japan? /think"), {
    reasoning: { open: "<think>", close: "</think>", isOpen: false, tokens: 6 },
  }),
  "log probabilities": ask(COUNT, { maxTokens: 28, logprobs: 2 }),
  "a stop string": ask(COUNT, { stop: [", 12, 13", "4, 5, 7"] }),
  "no cache": ask(COUNT, { maxTokens: 28, cachePrompt: false }),
};

/** Runs beside the others, came first, and is never preempted. */
const COMPANION = ask(question("Count from 5 to 40."), { maxTokens: 24 });

/** An engine with little rounding: quantized weights would hide small errors. */
function load(changes: Partial<LoadOptions>): Promise<LoopHarness> {
  return LoopHarness.load({ modelPaths: [TINY_F16], kvType: "f32", parallel: 2, ...changes });
}

function assertSame(actual: Report, expected: Report, name: string): void {
  assertEquals(actual.error, null, name);
  assertEquals(actual.text, expected.text, name);
  assertEquals(actual.tokens, expected.tokens, name);
  const { finishReason, stopString, usage } = actual.done!;
  assertEquals(
    [finishReason, stopString, usage.promptTokens, usage.completionTokens],
    [
      expected.done!.finishReason,
      expected.done!.stopString,
      expected.done!.usage.promptTokens,
      expected.done!.usage.completionTokens,
    ],
    name,
  );
  assertEquals(actual.logprobs.length, expected.logprobs.length);
  for (const [at, logprob] of actual.logprobs.entries()) {
    assertAlmostEquals(logprob, expected.logprobs[at]!, ROUNDING, name);
  }
}

const WAYS: readonly (readonly [string, Partial<LoadOptions>, number])[] = [
  ["plain", { lookup: false }, 5],
  ["drafting from its own text", { lookup: true }, 9],
  ["drafting by a model", { draftPaths: [DRAFT] }, 3],
  ["in one buffer", { lookup: false, kvUnified: true }, 11],
];

for (const [way, options, every] of WAYS) {
  Deno.test(`an answer is the same wherever it is preempted (${way})`, async () => {
    using harness = await load(options);
    const alone = new Map(
      Object.entries(REQUESTS).map(([name, request]) => [name, harness.runAll([request])[0]!]),
    );
    const companion = harness.runAll([COMPANION])[0]!;
    for (const [name, request] of Object.entries(REQUESTS)) {
      let waited = 0;
      for (let call = 1; call < 24; call += every) {
        const [first, second] = harness.runAll([COMPANION, request], (at) => at === call);
        const what = `${name}, interrupted at call ${call}`;
        assertSame(first!, companion, what);
        assertSame(second!, alone.get(name)!, what);
        if (harness.calls[call]?.outcome !== "full") break;
        // It continued after the other one had ended.
        if (second!.at.at(-1)! > first!.at.at(-1)!) waited++;
      }
      assertGreater(waited, 0, name);
    }
  });
}

Deno.test("sequences that do not all fit run one after the other, oldest first, unchanged", async () => {
  const requests = [
    ask(COUNT, { maxTokens: 120 }),
    ask(STORY, { maxTokens: 120, sampling: { temperature: 0.8, seed: 2 } }),
    ...["grammar", "a stop string", "log probabilities"].map((name) => REQUESTS[name]!),
    ask(question("Tell me a story about a bee."), { maxTokens: 120 }),
    ask(question("Repeat: river tiger piano cloud king whale"), { maxTokens: 120 }),
  ];
  for (const draftPaths of [undefined, [DRAFT]]) {
    using harness = await load({ parallel: 6, kvUnified: true, contextLength: 256, draftPaths });
    const alone = requests.map((request) => harness.runAll([request])[0]!);
    const reports = harness.runAll(requests);
    for (const [at, report] of reports.entries()) {
      assertSame(report, alone[at]!, `answer ${at}`);
    }
    const full = harness.calls.flatMap(({ outcome }, at) => outcome === "full" ? [at] : []);
    assertGreater(full.length, 1);
    // The oldest sequence is never preempted.
    const [first] = reports;
    for (const [index, call] of first!.at.entries()) {
      const before = first!.at[index - 1] ?? call;
      const steps = harness.calls.slice(before, call).filter(({ outcome }) => outcome === "done");
      assert(steps.length <= 2, `the first answer waited for ${steps.length} batches`);
    }
    assertEquals([harness.status.running, harness.status.queued], [0, 0]);
  }
});

Deno.test("idle streams are evicted before running sequences are preempted", async () => {
  using harness = await load({ parallel: 4, kvUnified: true, contextLength: 256, lookup: false });
  const endless = (text: string) => ask(question(text), { maxTokens: 80, ignoreEos: true });
  harness.submit(endless("Tell me a story about a whale."));
  harness.run();
  const cached = harness.status.cellsUsed;
  assertGreater(cached, 80);
  const two = ["Hello", "Count from 3 to 40."].map((text) => harness.submit(endless(text)));
  harness.run(() => harness.status.queued === 0 && harness.status.running === 2);
  harness.run(() => {
    assertEquals(harness.status.queued, 0, "nobody is interrupted");
    return !harness.hasWork;
  });
  assertEquals(harness.calls.filter(({ outcome }) => outcome === "full").length, 1);
  for (const id of two) assertEquals(harness.reports[id]!.tokens.length, 80);
});

Deno.test("sequences that each need the whole buffer run one after the other and end with length", async () => {
  using harness = await load({ parallel: 3, kvUnified: true, contextLength: 256, lookup: true });
  const endless = { maxTokens: null, ignoreEos: true };
  const reports = harness.runAll([ask(STORY, endless), ask(COUNT, endless), ask("A", endless)]);
  for (const { done, error } of reports) {
    assertEquals([done?.finishReason, error], ["length", null]);
    assertEquals(done!.usage.promptTokens + done!.usage.completionTokens, 256);
  }
});

Deno.test("a long prompt waits for free cells and is then answered", async () => {
  using harness = await load({ parallel: 3, kvUnified: true, contextLength: 256, batchSize: 32 });
  const tokens = Array.from({ length: 230 }, (_, at) => 300 + at * 3);
  const long = ask("", { prompt: [{ tokens }], maxTokens: 8, ignoreEos: true });
  const alone = [COMPANION, long].map((request) => harness.runAll([request])[0]!);
  const reports = harness.runAll([COMPANION, long, COMPANION]);
  for (const [at, report] of reports.entries()) {
    assertSame(report, alone[at % 2]!, `answer ${at}`);
  }
});
