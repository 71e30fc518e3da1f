import { assertEquals } from "@std/assert";
import { chatIn, parseAnswer } from "../../../tests/doubles/parsed.ts";
import { tools } from "../../../tests/doubles/tools.ts";
import { SAMPLES } from "../../../tests/templates/samples.ts";
import { FORMATS } from "./detect.ts";
import type { ToolFormat } from "./shared/format.ts";

function formatOf(name: string): ToolFormat {
  return FORMATS.find((format) => format.name === name)!;
}

const SIZES = [1, 2, 3, 5, 8, 13, 10_000];

for (const [index, { format, answer, opensReasoning, expected }] of SAMPLES.entries()) {
  Deno.test(`${format}: sample ${index + 1} is parsed for any piece size`, () => {
    for (const size of SIZES) {
      const parsed = parseAnswer(chatIn(formatOf(format), tools, opensReasoning), answer, size);
      assertEquals(parsed, { text: "", reasoning: "", calls: [], ...expected });
    }
  });
}

Deno.test("every format has a sample", () => {
  const sampled = new Set(SAMPLES.map(({ format }) => format));
  assertEquals(FORMATS.map(({ name }) => name).filter((name) => !sampled.has(name)), []);
});
