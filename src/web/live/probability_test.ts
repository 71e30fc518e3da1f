import { assertEquals } from "@std/assert";
import { level, LEVELS, probabilityText, visibleText } from "./probability.ts";

Deno.test("levels rise with the probability", () => {
  const levels = [0.01, 0.1, 0.29, 0.5, 0.7, 0.95, 1].map((p) => level(Math.log(p)));
  assertEquals(levels, [0, 1, 1, 2, 3, 4, 4]);
  assertEquals([level(-Infinity), level(0)], [0, LEVELS - 1]);
});

Deno.test("probabilities are percentages", () => {
  const texts = [1, 0.9997, 0.4567, 0.0456, 0.00001].map((p) => probabilityText(Math.log(p)));
  assertEquals(texts, ["100 %", "100 %", "45.7 %", "4.6 %", "< 0.01 %"]);
});

Deno.test("tokens of white space are visible", () => {
  assertEquals([" a", "a ", "\n\n", "", "a b"].map(visibleText), ["␣a", "a␣", "↵↵", "∅", "a b"]);
});
