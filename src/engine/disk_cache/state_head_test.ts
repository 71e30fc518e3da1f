import { assertEquals } from "@std/assert";
import { isStateHead } from "./state_head.ts";

const HEAD = {
  fingerprint: "f",
  scope: "",
  marks: { length: 20, whole: 7, blocks: [3], checkpoints: [[4, 5]] },
  checkpointBytes: [9],
  stateBytes: 0,
};

Deno.test("a head has all its numbers, and a size for each checkpoint", () => {
  assertEquals(isStateHead(HEAD), true);
  assertEquals(isStateHead({ ...HEAD, more: 1 }), true);
  const wrong: readonly unknown[] = [
    null,
    "",
    [],
    { ...HEAD, fingerprint: 1 },
    { ...HEAD, scope: undefined },
    { ...HEAD, stateBytes: -1 },
    { ...HEAD, stateBytes: 0.5 },
    { ...HEAD, checkpointBytes: "9" },
    { ...HEAD, checkpointBytes: [] },
    { ...HEAD, checkpointBytes: [1e300] },
    ...[
      null,
      { ...HEAD.marks, length: 3 },
      { ...HEAD.marks, whole: "7" },
      { ...HEAD.marks, blocks: null },
      { ...HEAD.marks, blocks: [null] },
      { ...HEAD.marks, checkpoints: [4] },
      { ...HEAD.marks, checkpoints: [[4]] },
    ].map((marks) => ({ ...HEAD, marks })),
  ];
  for (const one of wrong) assertEquals(isStateHead(one), false, JSON.stringify(one));
});
