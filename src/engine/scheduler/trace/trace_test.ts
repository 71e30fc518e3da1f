import { assertEquals, assertNotEquals } from "@std/assert";
import {
  ask,
  collect,
  type IteratingEngine,
  PIRATE_LORA,
  question,
  tinyEngine,
} from "../../../../tests/support/engine.ts";

import type { SequenceRequest, SequenceTrace } from "../../protocol/mod.ts";

const STORY = question(
  "Tell me a story about a fox and a long journey through the woods with many friends.",
);

async function traced(
  engine: IteratingEngine,
  changes: Partial<SequenceRequest> = {},
): Promise<SequenceTrace> {
  const request = ask(STORY, { maxTokens: 60, trace: true, ...changes });
  return (await collect(engine.generate(request))).done.trace!;
}

/** Other answers, which share the batches. */
function load(engine: IteratingEngine, count: number): Promise<unknown> {
  return Promise.all(Array.from({ length: count }, (_, index) => {
    const prompt = question(`Question ${index}: why is snow white? ${"And rain? ".repeat(index)}`);
    const sampling = { temperature: 0.9, seed: index };
    return collect(engine.generate(ask(prompt, { maxTokens: 120, ignoreEos: true, sampling })));
  }));
}

Deno.test("a trace has the prompt, all sampled tokens, the drawn seed and the batches", async () => {
  await using engine = await tinyEngine();
  const request = ask(question("Hi"), { sampling: { temperature: 0.5 }, trace: true });
  const { tokens, done } = await collect(engine.generate(request));
  const trace = done.trace!;
  assertEquals(trace.promptTokens, await engine.tokenize(request.prompt, true));
  assertEquals(trace.tokens.slice(0, tokens.length), tokens);
  // The end-of-generation token has no event.
  assertEquals(trace.tokens.length, tokens.length + (done.finishReason === "stop" ? 1 : 0));
  assertEquals(trace.tokens.length, done.usage.completionTokens);
  assertEquals([trace.sampling.temperature, trace.sampling.topK], [0.5, 40]);
  assertEquals(typeof trace.sampling.seed, "number");
  assertEquals(trace.batches.prefillRows, [trace.promptTokens.length, trace.promptTokens.length]);
  assertEquals([trace.batches.sequences, trace.adapters, trace.isSteered], [[1, 1], [], false]);
  assertEquals((await collect(engine.generate(ask(question("Hi"))))).done.trace, undefined);
});

Deno.test("a trace tells the adapters and whether the sampling was changed", async () => {
  await using engine = await tinyEngine({ loras: [{ path: PIRATE_LORA, scale: 0.5 }] });
  const { digest } = engine.adapters[0]!;
  const { adapters } = await traced(engine);
  assertEquals(adapters, [{ digest, scale: 0.5, layers: null }]);
  const run = engine.generate(ask(STORY, { maxTokens: 60, trace: true }));
  run.control({ type: "sampling", sampling: { temperature: 0.1 } });
  assertEquals((await collect(run)).done.trace?.isSteered, true);
});

for (const temperature of [0, 1.1]) {
  const kind = temperature === 0 ? "greedy" : "seeded";
  Deno.test(`a ${kind} answer is the same again, alone, from the cache and amid other load`, async () => {
    await using engine = await tinyEngine();
    const sampling = { temperature, seed: 11 };
    const first = await traced(engine, { sampling, cachePrompt: false });
    assertEquals(first.batches.sequences, [1, 1]);
    assertEquals((await traced(engine, { sampling, cachePrompt: false })).tokens, first.tokens);
    await traced(engine, { sampling });
    const cached = await traced(engine, { sampling });
    assertEquals([cached.tokens, cached.batches.prefillRows], [first.tokens, null]);
    for (const count of [1, 2, 3]) {
      const others = load(engine, count);
      const [fresh, reused] = await Promise.all([
        traced(engine, { sampling, cachePrompt: false }),
        traced(engine, { sampling }),
      ]);
      assertEquals([fresh.tokens, reused.tokens], [first.tokens, first.tokens]);
      assertNotEquals(fresh.batches.sequences, [1, 1]);
      await others;
    }
  });
}

Deno.test("the drawn seed and the complete sampling give the same answer", async () => {
  await using engine = await tinyEngine();
  const drawn = await traced(engine, { sampling: { temperature: 1.3, topP: 0.9 } });
  const again = await traced(engine, { sampling: drawn.sampling });
  assertEquals(again.tokens, drawn.tokens);
  assertEquals(again.sampling, drawn.sampling);
});
