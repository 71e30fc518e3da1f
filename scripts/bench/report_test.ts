import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { judge, table } from "./report.ts";
import { median, quantile } from "./stats.ts";

Deno.test("quantiles take the nearest rank, medians the middle", () => {
  const values = [5, 1, 4, 2, 3];
  assertEquals([0, 0.5, 0.95, 1].map((share) => quantile(values, share)), [1, 3, 5, 5]);
  assertEquals(median([4, 1, 3, 2]), 2.5);
  assertEquals(median(values), 3);
  assertThrows(() => quantile([], 0.5), RangeError);
  assertThrows(() => median([]), RangeError);
});

Deno.test("a row is judged by the medians of its rounds", () => {
  const result = judge({
    scenario: 1,
    what: "decode",
    unit: "tokens/s",
    rounds: { shimmy: [90, 100, 200], "llama-server": [80], "llama.cpp": [] },
    targets: [
      { against: "llama-server", atLeast: 1.08 },
      { against: "llama-server", atMost: 1.2 },
      { against: "llama.cpp", atLeast: 0.98 },
      { against: null, atMost: 120 },
    ],
  });
  assertEquals(result.medians, { shimmy: 100, "llama-server": 80 });
  assertEquals(result.ratios, { "llama-server": 1.25 });
  assertEquals(result.judged, [
    { target: ">= 1.08 x llama-server", met: true },
    { target: "<= 1.2 x llama-server", met: false },
    { target: "<= 120", met: true },
  ]);
  const text = table([result]);
  assertStringIncludes(text, "1.250 x llama-server");
  assertStringIncludes(text, "<= 1.2 x llama-server: MISSED");
  assertEquals(new Set(text.split("\n").map((line) => line.length)).size, 1);
});
