import { assertEquals } from "@std/assert";
import { probabilityLines } from "./token_probabilities.ts";

const token = (bytes: number[], share: number) => ({ token: 0, bytes, logprob: Math.log(share) });
const text = (text: string, share: number) => token([...new TextEncoder().encode(text)], share);

Deno.test("each token has its probability and what else was likely", () => {
  const lines = probabilityLines([
    { ...text("Paris", 0.75), top: [text("Paris", 0.75), text("Lyon", 0.2)] },
    { ...text("\n", 1), top: [] },
    { ...token([0xf0, 0x9f], 0.5), top: [token([0xe2], 0.25)] },
  ]);
  assertEquals(lines, [
    ' 75.0 %  "Paris"   instead of "Lyon" 20.0 %',
    '100.0 %  "\\n"',
    " 50.0 %  <f0><9f>  instead of <e2> 25.0 %",
  ]);
});

Deno.test("of a long answer, the first 200 tokens are listed", () => {
  const lines = probabilityLines(Array.from({ length: 203 }, () => ({ ...text("a", 1), top: [] })));
  assertEquals([lines.length, lines.at(-1)], [201, "and 3 more tokens"]);
});
