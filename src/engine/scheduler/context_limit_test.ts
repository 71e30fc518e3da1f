/** A request may bound its own context below that of the model. */
import { assertEquals, assertLessOrEqual } from "@std/assert";
import { ask, question, tinyEngine } from "../../../tests/support/engine.ts";
import { LoopHarness } from "../../../tests/support/loop.ts";

const STORY = question("Tell me a story about a fox.");

for (const contextShift of [false, true]) {
  Deno.test(`prompt and answer of a request stay within its context, shift ${contextShift}`, async () => {
    using harness = await LoopHarness.load({ contextShift });
    const whole = harness.runAll([ask(STORY, { maxTokens: 60, ignoreEos: true })])[0]!;
    const { promptTokens } = whole.done!.usage;
    const contextLength = promptTokens + 8;
    harness.restart();
    const id = harness.submit(ask(STORY, { contextLength, maxTokens: 60, ignoreEos: true }));
    const used: number[] = [];
    harness.run(() => {
      used.push(harness.status.cellsUsed);
      return false;
    });
    const { done, tokens } = harness.reports[id]!;
    assertEquals(done!.finishReason, "length");
    // With the context shift the answer goes on, in the same number of cells.
    assertEquals(tokens.length, contextShift ? 60 : 8);
    assertLessOrEqual(Math.max(...used), contextLength);
  });
}

Deno.test("a prompt that exceeds the context of its request is refused", async () => {
  using harness = await LoopHarness.load({});
  const [report] = harness.runAll([ask(STORY, { contextLength: 4 })]);
  assertEquals(report!.error?.kind, "context_length");
});

Deno.test("inputs to embed are cut to the context of their request, or refused", async () => {
  await using engine = await tinyEngine();
  const request = { inputs: [{ field: "input", text: "one two three four" }], normalize: true };
  const { tokens: [all] } = await engine.embed(request);
  const cut = await engine.embed({ ...request, contextLength: all! - 1, truncate: true });
  assertEquals(cut.tokens, [all! - 1]);
  const error = await engine.embed({ ...request, contextLength: 2 }).catch((thrown) => thrown);
  assertEquals(error.kind, "context_length");
  assertEquals(error.message, `input has ${all} tokens, but the context of the request holds 2`);
});
