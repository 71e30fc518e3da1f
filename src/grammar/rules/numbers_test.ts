import { assert, assertEquals } from "@std/assert";
import { accepts, type Dfa } from "../regex/automaton.ts";
import { intersection } from "../regex/combine.ts";
import { wholeAutomaton } from "../regex/determinize.ts";
import { NOTHING } from "../expression/expr.ts";
import { type Bounds, multiples, numbersWithin } from "./numbers.ts";

const OPEN: Bounds = { min: -Infinity, max: Infinity, above: -Infinity, below: Infinity };

function within(bounds: Partial<Bounds>, fraction: number | null): Dfa {
  return wholeAutomaton(numbersWithin({ ...OPEN, ...bounds }, fraction));
}

Deno.test("integer ranges accept exactly their integers", () => {
  const ranges = [[0, 9], [0, 10], [5, 5], [-1, 1], [-12, 345], [99, 101], [10, 2000], [-999, -7], [
    7,
    7000,
  ]];
  for (const [min, max] of ranges) {
    const dfa = within({ min: min!, max: max! }, 0);
    for (let value = -1100; value <= 7100; value++) {
      assertEquals(accepts(dfa, String(value)), value >= min! && value <= max!, `${value}`);
    }
    for (const wrong of ["", "-", "00", "01", "-0", "1.0", "1e1", "+1"]) {
      assert(!accepts(dfa, wrong), wrong);
    }
  }
});

Deno.test("number ranges accept decimals by value, for any fraction length", () => {
  const cases: Partial<Bounds>[] = [
    { min: 0, max: 1 },
    { min: 0.5 },
    { max: -2.25 },
    { above: 0, below: 1 },
    { above: -1.5, max: 10.75 },
    { min: 99.9, below: 100.1 },
    { min: 1e-7, max: 1e-5 },
    { above: 1, max: 1.0000000000000002 },
  ];
  const texts = [
    -100,
    -3,
    -2.25,
    -2.2,
    -1.5,
    -1,
    -0.3,
    0,
    0.000001,
    0.3,
    0.5,
    1,
    1.5,
    9.99,
    10.75,
    10.8,
    99.9,
    100,
    100.05,
    100.1,
    5000.125,
  ]
    .flatMap((value) => {
      const fixed = value.toFixed(6);
      return [fixed, fixed.replace(/\.?0+$/, ""), fixed.slice(0, -1)];
    }).filter((value) => value !== "-0" && !/^-0\.0*$/.test(value));
  for (const bounds of cases) {
    const dfa = within(bounds, null);
    const { min, max, above, below } = { ...OPEN, ...bounds };
    for (const value of texts) {
      const number = Number(value);
      const right = number >= min && number <= max && number > above && number < below;
      assertEquals(accepts(dfa, value), right, `${value} in ${JSON.stringify(bounds)}`);
    }
  }
});

Deno.test("an exclusive bound is never reached by rounding", () => {
  const dfa = within({ above: 1, below: 3 }, null);
  assert(!accepts(dfa, "1.0000000000000001"));
  assert(accepts(dfa, "1.0000000001"));
});

Deno.test("unbounded sides are limited by the number of digits", () => {
  assert(accepts(within({ min: 18 }, 0), "999999999999999"));
  assert(!accepts(within({ min: 18 }, 0), "1000000000000000"));
  assert(accepts(within({ min: 1e20 }, 0), "123456789012345678901"));
  assert(accepts(within({ max: -1e20 }, 0), "-123456789012345678901"));
  assert(accepts(within({ min: -1.7976931348623157e308 }, 0), "-5"));
});

Deno.test("bounds apply beyond the default number of digits", () => {
  const high = within({ min: 1e16, max: 2e16 }, 0);
  assert(accepts(high, "15000000000000000"));
  assert(!accepts(high, "20000000000000001"));
  const low = within({ min: -2e16, max: -1e16 }, 0);
  assert(accepts(low, "-15000000000000000"));
  assert(!accepts(low, "-20000000000000001"));
  assertEquals(numbersWithin({ ...OPEN, min: 2e16, max: 1e16 }, 0), NOTHING);
});

Deno.test("multiples are recognised by their remainder", () => {
  for (const [units, fraction] of [[3, 0], [7, 0], [25, 2], [5, 1], [1, 2], [12, 0]] as const) {
    const dfa = intersection(multiples(units, fraction), within({}, fraction));
    for (let count = -500; count <= 500; count++) {
      const value = (count / 10 ** fraction).toFixed(fraction);
      if (/^-0(\.0+)?$/.test(value)) continue;
      assertEquals(accepts(dfa, value), count % units === 0, `${value} of ${units}`);
    }
  }
});
