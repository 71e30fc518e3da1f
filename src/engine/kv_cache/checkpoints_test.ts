import { assert, assertEquals } from "@std/assert";
import { messageBoundaries, MIN_CHECKPOINT_GAP, planCheckpoints } from "./checkpoints.ts";

const CONTROL = 1;
const isControl = (token: number) => token === CONTROL;

Deno.test("a short prompt gets no checkpoint, a longer one gets one before its last token", () => {
  assertEquals(planCheckpoints(MIN_CHECKPOINT_GAP, []), []);
  assertEquals(planCheckpoints(200, []), [199]);
});

Deno.test("the last message boundaries get checkpoints, the generation prompt's own one too", () => {
  // The last boundary is three tokens before the end; those before it keep their distance.
  assertEquals(
    planCheckpoints(300, [10, 40, 100, 250, 270, 297]),
    [40, 100, 250, 297, 299].slice(1),
  );
});

Deno.test("a long prompt gets checkpoints at regular distances, and not too many", () => {
  assertEquals(planCheckpoints(1600, []), [512, 1024, 1536, 1599]);
  const many = planCheckpoints(100_000, []);
  assert(many.length <= 10, many.join());
  assertEquals(many.at(-1), 99_999);
});

Deno.test("messages begin and end where a control token follows text", () => {
  assertEquals(messageBoundaries([CONTROL, 5, 6, CONTROL, CONTROL, 7, CONTROL], isControl), [3, 6]);
  assertEquals(messageBoundaries([5, 6, 7], isControl), []);
});
