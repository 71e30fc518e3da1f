import { assertEquals } from "@std/assert";
import { type Piece, textBefore, tokensBefore } from "./answer_text.ts";

const piece = (index: number, text: string, more: Partial<Piece> = {}): Piece => ({
  index,
  text,
  isReasoning: false,
  id: 10 + index,
  ...more,
});

const PIECES = [
  piece(0, "Hm", { isReasoning: true }),
  // The token that ends the reasoning.
  piece(1, ".", { isReasoning: true }),
  piece(1, ""),
  piece(2, "Yes"),
  piece(3, " it"),
];

Deno.test("the tokens before a place are those of the reasoning too, each once", () => {
  assertEquals(tokensBefore(PIECES, 3), [10, 11, 12]);
  assertEquals(tokensBefore(PIECES, 0), []);
  assertEquals(tokensBefore(PIECES, Infinity), [10, 11, 12, 13]);
});

Deno.test("text without a token at the end does not matter, a gap does", () => {
  const held: Piece = { index: 4, text: " is", isReasoning: false };
  assertEquals(tokensBefore([...PIECES, held], Infinity), [10, 11, 12, 13]);
  assertEquals(tokensBefore([PIECES[0]!, PIECES[3]!], Infinity), null);
  assertEquals(tokensBefore(PIECES.map(({ id: _, ...rest }) => rest), 2), null);
});

Deno.test("the text before a place has no reasoning", () => {
  assertEquals(textBefore(PIECES, 3), "Yes");
  assertEquals(textBefore(PIECES, 1), "");
});
