import { assertEquals } from "@std/assert";
import { BLOCK, markTokens, PrefixChecksums, usableTokens } from "./token_marks.ts";

const tokens = (count: number, first = 0) =>
  Array.from({ length: count }, (_, at) => first + at * 7 - 3);

/** Usable tokens of a state with 10 blocks and 5 tokens, and checkpoints at 40 and 100. */
function usable(
  prompt: readonly number[],
  { limit = Infinity, canTruncate = true, scope = "a" } = {},
): number {
  const marks = markTokens(tokens(10 * BLOCK + 5), "a", [40, 100]);
  return usableTokens(marks, new PrefixChecksums(prompt, scope), limit, canTruncate);
}

Deno.test("a prompt that continues a state can use all of it", () => {
  const prompt = [...tokens(10 * BLOCK + 5), 1, 2];
  assertEquals([usable(prompt), usable(prompt, { canTruncate: false })], [165, 165]);
  assertEquals(usable(prompt, { limit: 164 }), 160);
  assertEquals(usable(prompt, { limit: 164, canTruncate: false }), 100);
});

Deno.test("a prompt that branches off can use whole blocks, or a checkpoint", () => {
  for (let common = 0; common < 160; common++) {
    const prompt = [...tokens(common), ...tokens(50, 1_000_000)];
    assertEquals(usable(prompt), common - common % BLOCK);
    const checkpoint = common < 40 ? 0 : common < 100 ? 40 : 100;
    assertEquals(usable(prompt, { canTruncate: false }), checkpoint);
  }
});

Deno.test("a prompt within a state can use it up to the limit", () => {
  assertEquals(usable(tokens(70), { limit: 69 }), 64);
  assertEquals(usable(tokens(10)), 0);
  assertEquals(usable([]), 0);
});

Deno.test("a state of another scope is not used", () => {
  assertEquals(usable(tokens(165), { scope: "b" }), 0);
});
