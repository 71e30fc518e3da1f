import { assertEquals } from "@std/assert";
import { draftLength, DraftPolicy, isDraftLength, MAX_DRAFT } from "./draft_policy.ts";

Deno.test("drafts grow while all of them are accepted, up to a limit", () => {
  const policy = new DraftPolicy();
  for (let step = 0; step < 10; step++) policy.record(policy.length, policy.length);
  assertEquals(policy.length, MAX_DRAFT);
  assertEquals(policy.accepted, policy.drafted);
});

Deno.test("drafting stops when few drafts are accepted, and is tried again later", () => {
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

Deno.test("a draft and the token before it fill groups of four rows", () => {
  const lengths = Array.from({ length: 12 }, (_, most) => draftLength(most));
  assertEquals(lengths, [0, 0, 0, 3, 3, 3, 3, 7, 7, 7, 7, 7]);
  assertEquals([0, 1, 2, 3, 4, 6, 7, 8].filter(isDraftLength), [0, 3, 7]);
});
