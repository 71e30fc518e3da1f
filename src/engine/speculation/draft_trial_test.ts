import { assert, assertEquals } from "@std/assert";
import { DraftTrial } from "./draft_trial.ts";

/** A trial that has seen steps without drafts of 10 ms. */
function trialAfterPlainSteps(): DraftTrial {
  const trial = new DraftTrial();
  for (let step = 0; step < 8; step++) {
    assert(!trial.mayDraft);
    trial.recordPlain(10);
  }
  assert(trial.mayDraft);
  return trial;
}

Deno.test("drafts go on while they are faster per token", () => {
  const trial = trialAfterPlainSteps();
  for (let step = 0; step < 1000; step++) trial.recordDrafted(step % 2 === 0 ? 4 : 1, 24);
  assert(trial.mayDraft);
});

Deno.test("drafts that take longer per token pause and are tried again later", () => {
  const trial = trialAfterPlainSteps();
  let tried = 0;
  for (; trial.mayDraft; tried++) trial.recordDrafted(2, 24);
  assertEquals(tried, 8);
  let paused = 0;
  for (; !trial.mayDraft; paused++) trial.recordPlain(10);
  assertEquals(paused, 256);
});

Deno.test("drafts that were faster are given up when they become slower", () => {
  const trial = trialAfterPlainSteps();
  for (let step = 0; step < 500; step++) trial.recordDrafted(4, 24);
  let slow = 0;
  for (; trial.mayDraft; slow++) trial.recordDrafted(1, 24);
  assert(slow < 64, `${slow}`);
});
