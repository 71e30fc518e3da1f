/** The prefix cache must not change answers. */
import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import { ask, collect, question, TINY_F16, tinyEngine } from "../../../tests/support/engine.ts";
import {
  type Answer,
  answer,
  assertSameAnswers,
  randomNumbers,
  type Way,
} from "../../../tests/support/exactness.ts";
import type { IteratingEngine as Engine } from "../../../tests/support/engine.ts";
import type { LoadOptions } from "../protocol/mod.ts";

/** An engine with f16 weights and an f32 cache: rounding of quantized weights would hide small errors. */
function exactEngine(changes: Partial<LoadOptions> = {}): Promise<Engine> {
  return tinyEngine({
    modelPaths: [TINY_F16],
    kvType: "f32",
    flashAttention: "off",
    ...changes,
  });
}

const SUBJECTS = ["fox", "bee", "wizard", "robot", "cat", "king", "whale", "tree"];
const COUNTRIES = ["France", "Japan", "Italy", "Spain", "Chile", "Egypt", "Norway", "Peru"];
const QUESTIONS = [
  ...SUBJECTS.map((subject) => `Tell me a story about a ${subject}.`),
  ...COUNTRIES.map((country) => `What is the capital of ${country}?`),
  ...SUBJECTS.map((subject) => `Spell the word ${subject}.`),
  ...SUBJECTS.map((subject, i) => `Repeat: ${subject} ${SUBJECTS[(i + 3) % 8]} river tiger`),
  "Hello",
  "Count from 3 to 9.",
];

/** A tree of prompts with the answer to each, from an engine without the cache. */
interface Conversations {
  readonly prompts: readonly string[];
  readonly alone: readonly Answer[];
}

/**
 * Conversations that continue each other, branch and start anew. Some continue with text of the
 * model, others with other text.
 */
async function conversations(count: number, seed: number, plain: Way): Promise<Conversations> {
  await using engine = await exactEngine({ parallel: 1 });
  const random = randomNumbers(seed);
  const prompts: string[] = [];
  const alone: Answer[] = [];
  while (prompts.length < count) {
    const next = question(QUESTIONS[random(QUESTIONS.length)]!);
    const index = random(prompts.length || 1);
    const earlier = prompts[index];
    const goesOn = earlier !== undefined && random(4) > 0 && earlier.length < 400;
    const other = `${SUBJECTS[random(8)]} ${COUNTRIES[random(8)]}`;
    const said = goesOn && random(2) > 0
      ? await engine.detokenize(alone[index]!.tokens.map(({ id }) => id))
      : other;
    const prompt = goesOn ? `${earlier}${said}<|im_end|>\n${next}` : next;
    prompts.push(prompt);
    alone.push(...await answer(engine, [prompt], plain));
  }
  return { prompts, alone };
}

Deno.test("branching conversations have the same answers with and without the cache", async () => {
  const plain: Way = { together: 1, cachePrompt: false, maxTokens: 6 };
  const { prompts, alone } = await conversations(220, 7, plain);
  assertEquals(alone.reduce((sum, { usage }) => sum + usage.cachedTokens, 0), 0);
  const ways: [number, Partial<LoadOptions>][] = [
    // Fewer streams than conversations, so streams are reused, truncated, copied, saved and
    // restored.
    [1, { parallel: 2 }],
    [4, { parallel: 3 }],
    [8, { parallel: 8, batchSize: 64 }],
    [6, { parallel: 4, kvUnified: true }],
  ];
  for (const [together, options] of ways) {
    await using engine = await exactEngine(options);
    const answers = await answer(engine, prompts, { ...plain, together, cachePrompt: true });
    const name = JSON.stringify({ together, ...options });
    assertSameAnswers(answers, alone, name);
    const total = answers.reduce((sum, { usage }) => sum + usage.promptTokens, 0);
    const cached = answers.reduce((sum, { usage }) => sum + usage.cachedTokens, 0);
    assertGreater(cached / total, 0.3, name);
    assertGreater((await engine.status()).evictions, 20, name);
  }
});

Deno.test("a continued conversation computes only its new tokens", async () => {
  await using engine = await exactEngine();
  const first = question("Tell me a story about a fox.");
  const told = await collect(engine.generate(ask(first)));
  const second = `${first}${told.text}<|im_end|>\n${question("Hello")}`;
  const { done } = await collect(engine.generate(ask(second)));
  const before = told.done.usage.promptTokens + told.tokens.length;
  assertGreater(done.usage.cachedTokens, before - 8);
  assertLess(done.usage.cachedTokens, done.usage.promptTokens);
});

Deno.test("a repeated prompt leaves one token to compute", async () => {
  await using engine = await exactEngine();
  const prompt = question("What is the capital of France?");
  await collect(engine.generate(ask(prompt)));
  const { text, done } = await collect(engine.generate(ask(prompt)));
  assertEquals(text, "The capital of France is Paris.");
  assertEquals(done.usage.cachedTokens, done.usage.promptTokens - 1);
});

Deno.test("concurrent requests compute their common prefix once", async () => {
  await using engine = await exactEngine({ parallel: 6, batchSize: 64 });
  const shared = `<|im_start|>system\n${
    "You know many animals and towns. ".repeat(20)
  }<|im_end|>\n`;
  const { length } = await engine.tokenize([{ text: shared, special: true }], true);
  assertGreater(length, 100);
  const prompts = COUNTRIES.slice(0, 6).map((country) =>
    shared + question(`What is the capital of ${country}?`)
  );
  const answers = await answer(engine, prompts, {
    together: prompts.length,
    cachePrompt: true,
    maxTokens: 12,
  });
  const computed = answers.map(({ usage }) => usage.promptTokens - usage.cachedTokens);
  assertEquals(computed.filter((tokens) => tokens >= length).length, 1, computed.join());
  const alone = await answer(engine, prompts, { together: 1, cachePrompt: false, maxTokens: 12 });
  assertSameAnswers(answers, alone, "a common prefix");
});

Deno.test("a prefix is reused from a running sequence", async () => {
  await using engine = await exactEngine({ parallel: 2 });
  const prompt = `${"A fox and a bee met. ".repeat(30)}Then`;
  const running = engine.generate(ask(prompt, { maxTokens: null, ignoreEos: true }));
  const events = running[Symbol.asyncIterator]();
  await events.next();
  const { done } = await collect(engine.generate(ask(prompt, { maxTokens: 4 })));
  assertEquals(done.usage.cachedTokens, done.usage.promptTokens - 1);
  assertEquals((await engine.status()).running, 1);
  await events.return?.();
});

Deno.test("a request may bypass the cache", async () => {
  await using engine = await exactEngine();
  const prompt = question("What is the capital of France?");
  await collect(engine.generate(ask(prompt)));
  const { done } = await collect(engine.generate(ask(prompt, { cachePrompt: false })));
  assertEquals(done.usage.cachedTokens, 0);
});

Deno.test("a unified buffer with too few cells neither fails nor changes answers", async () => {
  const prompts = COUNTRIES.slice(0, 6).map((country) =>
    question(`What is the capital of ${country}?`)
  );
  const way: Way = { together: 1, cachePrompt: false, maxTokens: 130, ignoreEos: true };
  let alone: Answer[];
  {
    await using engine = await exactEngine({ parallel: 1 });
    alone = await answer(engine, prompts, way);
  }
  // Four sequences of about 150 tokens need more than twice the 256 cells.
  await using engine = await exactEngine({ parallel: 4, kvUnified: true, contextLength: 256 });
  const answers = await answer(engine, prompts, {
    ...way,
    together: prompts.length,
    cachePrompt: true,
  });
  for (const { finishReason, tokens } of answers) {
    assertEquals([finishReason, tokens.length], ["length", 130]);
  }
  assertSameAnswers(answers, alone, "too few cells");
  const status = await engine.status();
  assertEquals([status.running, status.queued], [0, 0]);
  assertGreater(status.preemptions, 0);
  assert(status.cellsUsed <= status.cellsTotal);
});
