import { assertEquals } from "@std/assert";
import { draftLength, DraftPolicy, isDraftLength, MAX_DRAFT } from "./draft_policy.ts";

Deno.test("drafts grow up to a limit while all tokens are accepted", () => {
  const policy = new DraftPolicy();
  for (let step = 0; step < 10; step++) policy.record(policy.length, policy.length);
  assertEquals(policy.length, MAX_DRAFT);
  assertEquals(policy.accepted, policy.drafted);
});

Deno.test("drafting pauses if few tokens are accepted, and resumes later", () => {
  const policy = new DraftPolicy();
  for (let step = 0; step < 40 && policy.length > 0; step++) policy.record(policy.length, 0);
  assertEquals(policy.length, 0);
  let rest = 0;
  while (policy.length === 0) {
    policy.record(0, 0);
    rest++;
  }
  assertEquals(rest, 64);
  assertEquals(policy.length, 3);
});

Deno.test("a draft with the token before it fills row groups of four", () => {
  const lengths = Array.from({ length: 12 }, (_, most) => draftLength(most));
  assertEquals(lengths, [0, 0, 0, 3, 3, 3, 3, 7, 7, 7, 7, 7]);
  assertEquals([0, 1, 2, 3, 4, 6, 7, 8].filter(isDraftLength), [0, 3, 7]);
});
