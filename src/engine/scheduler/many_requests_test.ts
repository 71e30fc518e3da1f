/** Many requests, of which many are given up: the others must not notice, and nothing may be lost. */
import { assertEquals, assertGreater } from "@std/assert";
import { ask, question, TINY_F16 } from "../../../tests/support/engine.ts";
import { LoopBench } from "../../../tests/support/loop.ts";
import type { LoadOptions } from "../protocol/mod.ts";

const REQUESTS = ["Hello", "Count from 3 to 40.", "Spell the word cloud.", "Repeat: river tiger"]
  .flatMap((text) => [question(text), question(`${text} `), `${question(text)}A`])
  .map((prompt) => ask(prompt, { maxTokens: 24 }));

/** Tokens of a sequence; in one buffer, the cells of all. */
const LENGTH = 256;

/** Numbers that look random and are the same every time (a linear congruential generator). */
function randomNumbers(seed: number): (below: number) => number {
  return (below) => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor(seed / 2 ** 32 * below);
  };
}

for (
  const [way, options] of [
    ["streams of their own", { kvUnified: false }],
    ["one buffer", { kvUnified: true }],
  ] as const satisfies readonly (readonly [string, Partial<LoadOptions>])[]
) {
  Deno.test(`a storm of cancellations changes no other answer and leaks nothing (${way})`, async () => {
    using bench = await LoopBench.load({
      modelPaths: [TINY_F16],
      kvType: "f32",
      parallel: 4,
      contextLength: LENGTH,
      ...options,
    });
    const alone = REQUESTS.map((request) => bench.together([request])[0]!.text);
    for (let seed = 1; seed <= 2; seed++) {
      bench.restart();
      const random = randomNumbers(seed);
      const ids = Array.from(
        { length: 32 },
        (_, at) => bench.submit(REQUESTS[at % REQUESTS.length]!),
      );
      const doomed = ids.filter((id) => id % 2 === 1);
      const cancelled: number[] = [];
      while (bench.hasWork) {
        const next = bench.calls.length + 1 + random(12);
        bench.run(() => bench.calls.length >= next);
        const [victim] = doomed.splice(random(doomed.length), 1);
        if (victim === undefined || bench.reports[victim]!.done !== null) continue;
        bench.control(victim, { type: "cancel" });
        cancelled.push(victim);
      }
      assertGreater(cancelled.length, 5);
      for (const id of ids) {
        const { done, error, text } = bench.reports[id]!;
        assertEquals(error, null);
        if (!cancelled.includes(id)) assertEquals(text, alone[id % REQUESTS.length]);
        else assertEquals(done?.finishReason, "cancelled");
      }
      assertEquals([bench.status.running, bench.status.queued], [0, 0]);
      // Every stream and every cell can be had again.
      const whole = { maxTokens: null, ignoreEos: true, cachePrompt: false };
      const last = ["a", "b", "c", "d"].map((prompt) => bench.submit(ask(prompt, whole)));
      bench.run(() => bench.status.running === 4);
      bench.run();
      for (const id of last) {
        const { usage } = bench.reports[id]!.done!;
        assertEquals(usage.promptTokens + usage.completionTokens, LENGTH);
      }
    }
  });
}
