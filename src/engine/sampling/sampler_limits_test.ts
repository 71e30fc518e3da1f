/** Values of requests that would make libllama work or allocate without a bound. */
import { assertEquals } from "@std/assert";
import { ask, question } from "../../../tests/support/engine.ts";
import { LoopHarness } from "../../../tests/support/loop.ts";
import type { Sampling } from "../protocol/mod.ts";

const LARGEST = 2 ** 31 - 1;

const FIXED: Partial<Sampling> = { temperature: 0.8, seed: 7, repeatPenalty: 1.2 };

/** The tokens of an answer with a sampling. */
function answers(loop: LoopHarness, ...samplings: readonly Partial<Sampling>[]): number[][] {
  return samplings.map((sampling) => {
    const request = ask(question("Count from 1 to 9."), {
      maxTokens: 12,
      sampling: { ...FIXED, ...sampling },
    });
    return [...loop.runAll([request])[0]!.tokens];
  });
}

Deno.test("penalties over more tokens than the context are those over the whole context", async () => {
  using loop = await LoopHarness.load();
  const [whole, largest] = answers(loop, { repeatLastN: -1 }, { repeatLastN: LARGEST });
  assertEquals(largest, whole);
  const dry = { dryMultiplier: 1, dryBase: 2, dryAllowedLength: 1 };
  const [all, most] = answers(
    loop,
    { ...dry, dryPenaltyLastN: -1 },
    { ...dry, dryPenaltyLastN: LARGEST },
  );
  assertEquals(most, all);
});

Deno.test("biases of tokens that the vocabulary does not have are left out", async () => {
  using loop = await LoopHarness.load();
  const logitBias = Array.from({ length: 50_000 }, (_, index) => ({
    token: 900_000_000 + index,
    bias: 1,
  }));
  const [plain, biased] = answers(loop, {}, { logitBias });
  assertEquals(biased, plain);
});
