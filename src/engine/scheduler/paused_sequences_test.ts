/** A paused sequence, such as that of a client that does not read, keeps nothing from others. */
import { assertEquals } from "@std/assert";
import { ask } from "../../../tests/support/engine.ts";
import { LoopHarness } from "../../../tests/support/loop.ts";
import type { LoadOptions, SequenceRequest } from "../protocol/mod.ts";

/** Words of about one token each. */
const long = (word: string, changes: Partial<SequenceRequest> = {}) =>
  ask(`${word} `.repeat(300), { maxTokens: 8, ignoreEos: true, ...changes });

/** Runs a second request while the first one is paused, then resumes the first one. */
async function pausedBeside(
  options: Partial<LoadOptions>,
  first: SequenceRequest,
  second: SequenceRequest,
): Promise<void> {
  using harness = await LoopHarness.load({ parallel: 2, ...options });
  const [expected] = harness.runAll([first]);
  harness.restart();
  const paused = harness.submit(first);
  harness.run(() => harness.reports[paused]!.tokens.length >= 3);
  harness.control(paused, { type: "pause" });
  const other = harness.submit(second);
  harness.run(() => harness.reports[other]!.done !== null);
  assertEquals(harness.reports[other]!.done!.finishReason, "length");
  harness.control(paused, { type: "resume" });
  harness.run();
  assertEquals(harness.reports[paused]!.tokens, expected!.tokens);
}

Deno.test("the cells of a paused sequence are free for others in a shared buffer", async () => {
  const options: Partial<LoadOptions> = { kvUnified: true, contextLength: 512 };
  await pausedBeside(options, long("fox"), long("dog"));
});

Deno.test("the slot of a paused sequence is free for a request that names it", async () => {
  await pausedBeside({}, long("fox", { slot: 0 }), long("dog", { slot: 0 }));
});
