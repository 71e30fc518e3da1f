import { assertEquals, assertThrows } from "@std/assert";
import { ShimmyError } from "../../errors.ts";
import { BackOff } from "./back_off.ts";

Deno.test("the first failure is retried at once, the delay doubles for further failures", () => {
  let now = 1000;
  const backOff = new BackOff(() => now);
  backOff.check("a", "a", "never failed");
  const waits: number[] = [];
  for (let failure = 0; failure < 8; failure++) {
    backOff.failed("a");
    try {
      backOff.check("a", "a", "it broke");
      waits.push(0);
    } catch (error) {
      waits.push((error as ShimmyError).retryAfter!);
    }
    now += waits.at(-1)! * 1000;
    backOff.check("a", "a", "the wait is over");
  }
  assertEquals(waits, [0, 1, 2, 4, 8, 16, 30, 30]);
  backOff.check("b", "b", "another model is not held back");
});

Deno.test("the error has the reason of the failure and the delay", () => {
  const backOff = new BackOff(() => 0);
  backOff.failed("a");
  backOff.failed("a");
  const error = assertThrows(() => backOff.check("a", "tiny", "It broke"), ShimmyError);
  assertEquals(error.message, "Model 'tiny' failed; the next attempt is in 1 s: It broke");
  assertEquals([error.kind, error.retryAfter], ["backend", 1]);
});

Deno.test("failures are forgotten after a minute of operation", () => {
  let now = 0;
  const backOff = new BackOff(() => now);
  backOff.failed("a");
  backOff.failed("a");
  now += 5000;
  backOff.loaded("a");
  now += 61_000;
  backOff.failed("a");
  backOff.check("a", "a", "tried again at once");
  backOff.loaded("a");
  now += 100;
  backOff.failed("a");
  assertThrows(() => backOff.check("a", "a", "it broke soon"), ShimmyError);
});
