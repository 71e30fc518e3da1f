import { assertEquals, assertStringIncludes } from "@std/assert";
import { LoopHarness } from "../../../tests/support/loop.ts";
import { ask, question } from "../../../tests/support/engine.ts";

Deno.test("a sequence whose grammar takes too long is ended, and the others go on", async () => {
  using loop = await LoopHarness.load();
  const now = performance.now.bind(performance);
  // Each reading of the clock is six seconds later than the one before.
  let readings = 0;
  performance.now = () => now() + 6_000 * readings++;
  try {
    const prompt = question("What is the capital of France?");
    const [slow, plain] = loop.runAll([
      ask(prompt, { grammar: { source: "root ::= [a-zA-Z .]*" } }),
      ask(prompt),
    ]);
    assertEquals([slow?.error?.kind, slow?.error?.field], ["invalid", "grammar"]);
    assertStringIncludes(slow!.error!.message, "at most 5000 are allowed");
    assertEquals(plain?.text, "The capital of France is Paris.");
  } finally {
    performance.now = now;
  }
});
