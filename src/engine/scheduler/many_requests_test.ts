/** Many requests, many of them cancelled: others must not change, and nothing may leak. */
import { assertEquals, assertGreater } from "@std/assert";
import { ask, question, TINY_F16 } from "../../../tests/support/engine.ts";
import { LoopHarness } from "../../../tests/support/loop.ts";
import type { LoadOptions } from "../protocol/mod.ts";

const REQUESTS = ["Hello", "Count from 3 to 40.", "Spell the word cloud.", "Repeat: river tiger"]
  .flatMap((text) => [question(text), question(`${text} `), `${question(text)}A`])
  .map((prompt) => ask(prompt, { maxTokens: 24 }));

/** Maximum tokens of a sequence; in a unified buffer, the cells of all. */
const LENGTH = 256;

/** Reproducible pseudo-random numbers (a linear congruential generator). */
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
  Deno.test(`cancellations change no other answer and leak nothing (${way})`, async () => {
    using harness = await LoopHarness.load({
      modelPaths: [TINY_F16],
      kvType: "f32",
      parallel: 4,
      contextLength: LENGTH,
      ...options,
    });
    const alone = REQUESTS.map((request) => harness.runAll([request])[0]!.text);
    for (let seed = 1; seed <= 2; seed++) {
      harness.restart();
      const random = randomNumbers(seed);
      const ids = Array.from(
        { length: 32 },
        (_, at) => harness.submit(REQUESTS[at % REQUESTS.length]!),
      );
      const doomed = ids.filter((id) => id % 2 === 1);
      const cancelled: number[] = [];
      while (harness.hasWork) {
        const next = harness.calls.length + 1 + random(12);
        harness.run(() => harness.calls.length >= next);
        const [victim] = doomed.splice(random(doomed.length), 1);
        if (victim === undefined || harness.reports[victim]!.done !== null) continue;
        harness.control(victim, { type: "cancel" });
        cancelled.push(victim);
      }
      assertGreater(cancelled.length, 5);
      for (const id of ids) {
        const { done, error, text } = harness.reports[id]!;
        assertEquals(error, null);
        if (!cancelled.includes(id)) assertEquals(text, alone[id % REQUESTS.length]);
        else assertEquals(done?.finishReason, "cancelled");
      }
      assertEquals([harness.status.running, harness.status.queued], [0, 0]);
      // Every stream and every cell is free again.
      const whole = { maxTokens: null, ignoreEos: true, cachePrompt: false };
      const last = ["a", "b", "c", "d"].map((prompt) => harness.submit(ask(prompt, whole)));
      harness.run(() => harness.status.running === 4);
      harness.run();
      for (const id of last) {
        const { usage } = harness.reports[id]!.done!;
        assertEquals(usage.promptTokens + usage.completionTokens, LENGTH);
      }
    }
  });
}
