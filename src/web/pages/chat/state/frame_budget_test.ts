import { assertEquals } from "@std/assert";
import { FrameBudget } from "./frame_budget.ts";

/** A clock whose frames come when a test says so. */
class Clock {
  time = 0;
  frames: (() => void)[] = [];
  ends: (() => void)[] = [];
  readonly now = () => this.time;
  readonly onFrame = (run: () => void) => void this.frames.push(run);
  readonly afterFrame = (run: () => void) => void this.ends.push(run);

  /** A frame that takes some milliseconds. */
  frame(took: number): void {
    for (const run of this.frames.splice(0)) run();
    this.time += took;
    for (const run of this.ends.splice(0)) run();
  }
}

Deno.test("after a frame that took too long, the next one is left out", () => {
  const clock = new Clock();
  const budget = new FrameBudget(clock);
  const shown: number[] = [];
  let frame = 0;
  const next = (took: number) => {
    frame++;
    if (clock.frames.length === 0) budget.request(() => shown.push(frame));
    clock.frame(took);
  };
  for (const took of [5, 5, 20, 1, 20, 1, 5, 5, 5]) next(took);
  assertEquals(shown, [1, 2, 3, 5, 7, 8, 9]);
});
