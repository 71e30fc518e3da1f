import { assertEquals, assertThrows } from "@std/assert";
import { ShimmyError } from "../../errors.ts";
import { DURATION, formatKeepAlive, parseKeepAlive } from "./keep_alive.ts";

Deno.test("options accept durations, and seconds without a unit", () => {
  const read = (text: string) => parseKeepAlive(text, "--keep-alive");
  assertEquals(["5m", "90", "1.5s", "0", "-1", "-1m"].map(read), [
    300_000,
    90_000,
    1500,
    0,
    Infinity,
    Infinity,
  ]);
  for (const text of ["", "soon", "5 m", "m"]) {
    assertThrows(() => read(text), ShimmyError, "--keep-alive: must be a duration such as 5m");
  }
});

Deno.test("durations are formatted in readable units", () => {
  assertEquals([300_000, 5_400_000, 90_000, 250, Infinity].map(formatKeepAlive), [
    "5m",
    "1h30m",
    "1m30s",
    "250ms",
    "for ever",
  ]);
});

Deno.test("a text of a million digits is refused without trying its parts", () => {
  const digits = "1".repeat(1_000_000);
  for (const text of [digits, `1.${digits}`, `${digits}x`, `1h${digits}`]) {
    assertEquals(DURATION.test(text), false);
  }
  assertEquals(["1h30m", "1.5s", ".5m", "2.h", "0", "-1ms"].map((text) => DURATION.test(text)), [
    true,
    true,
    true,
    true,
    true,
    true,
  ]);
});
