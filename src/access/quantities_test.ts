import { assertEquals, assertThrows } from "@std/assert";
import { ShimmyError } from "../errors.ts";
import { allowsModel } from "./model_patterns.ts";
import { parseLifetime, parseQuota, quotaText } from "./quantities.ts";

Deno.test("quotas are amounts per time", () => {
  const quotas: Record<string, [number, number]> = {
    "60/min": [60, 60],
    "1M/day": [1_000_000, 86_400],
    "100k/12h": [100_000, 43_200],
    "1.5k/hour": [1500, 3600],
    "5/s": [5, 1],
  };
  for (const [text, [amount, seconds]] of Object.entries(quotas)) {
    assertEquals(parseQuota(text, "--rate"), { amount, seconds }, text);
  }
});

Deno.test("a quota is written as it is read", () => {
  for (const text of ["60/min", "1M/day", "100k/12hour", "1500/hour", "5/s", "2G/week"]) {
    assertEquals(quotaText(parseQuota(text, "--rate")), text);
  }
});

Deno.test("lifetimes are whole units of time", () => {
  assertEquals(parseLifetime("30d", "--expires"), 30 * 86_400);
  assertEquals(parseLifetime("12h", "--expires"), 12 * 3600);
  assertEquals(parseLifetime("90min", "--expires"), 90 * 60);
  assertEquals(parseLifetime("1y", "--expires"), 365 * 86_400);
});

Deno.test("other quotas and lifetimes are refused with the option and an example", () => {
  for (const text of ["", "60", "0/min", "1/0s", "-1/min", "1/parsec", "0.5/min", "1e99/s"]) {
    assertThrows(
      () => parseQuota(text, "--rate"),
      ShimmyError,
      "--rate: must be a number per time",
    );
  }
  for (const text of ["", "30", "0d", "1.5d", "-1d", "d", "1001y"]) {
    assertThrows(() => parseLifetime(text, "--expires"), ShimmyError, "--expires: must be");
  }
});

Deno.test("a pattern with many stars is compared with a long name without trying all ways", () => {
  assertEquals(allowsModel([`${"*a".repeat(99)}b`], ["a".repeat(255)]), false);
  assertEquals(allowsModel([`${"*a".repeat(99)}*`], ["a".repeat(255)]), true);
  assertEquals(allowsModel(["*?ü*c?"], ["aÜbc!", "x"]), true);
  assertEquals(allowsModel(["a?"], ["a😀"]), true);
  assertEquals(allowsModel(["a*b", ""], ["ab", "abc"].slice(1)), false);
});

Deno.test("patterns match whole names, without regard to case", () => {
  const allows = (pattern: string, name: string) => allowsModel([pattern], [name]);
  assertEquals(allows("tiny*", "tiny-chat"), true);
  assertEquals(allows("TINY", "tiny"), true);
  assertEquals(allows("tin?", "tiny"), true);
  assertEquals(allows("*/*", "org/model:latest"), true);
  assertEquals(allows("tiny", "tiny-chat"), false);
  assertEquals(allows("t.ny", "tiny"), false);
  assertEquals(allowsModel(["a", "b*"], ["x", "bob"]), true);
  assertEquals(allowsModel([], ["x"]), false);
  assertEquals(allowsModel(undefined, ["x"]), true);
});
