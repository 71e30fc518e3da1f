import { assertEquals, assertThrows } from "@std/assert";
import { ShimmyError } from "../../errors.ts";
import { parse } from "../validation/validate.ts";
import { keepAlive, keepAliveOf } from "./keep_alive.ts";

const values: readonly (readonly [unknown, number | undefined])[] = [
  [0, 0],
  ["0", 0],
  ["0s", 0],
  ["-0", 0],
  ["0h0m0s", 0],
  ["0.0s", 0],
  [300, 300_000],
  [0.5, 500],
  ["5m", 300_000],
  ["1h30m", 5_400_000],
  ["100ms", 100],
  [".5s", 500],
  [-1, Infinity],
  ["-1s", Infinity],
  [null, undefined],
  [undefined, undefined],
];

for (const [value, expected] of values) {
  Deno.test(`keep_alive ${JSON.stringify(value)} is ${expected} ms`, () => {
    assertEquals(keepAliveOf(parse(keepAlive, value)), expected);
  });
}

for (const value of [1e20, "999999999999h", "9e99", "soon", "5", "5 minutes", "m", "", true]) {
  Deno.test(`keep_alive ${JSON.stringify(value)} is refused`, () => {
    assertThrows(() => parse(keepAlive, value), ShimmyError, "must be seconds as a number");
  });
}
