import { assertEquals } from "@std/assert";
import { rowToken } from "../protocol/mod.ts";
import { heldTokens, positionAt, wholeLength } from "./positions.ts";

/** Six rows with three positions, and then two with two. */
const image = [0, 1, 2, 3, 4, 5].map((row) => rowToken(row, row > 2));
const other = [rowToken(7, true), rowToken(8, true)];
const tokens = [5, ...image, 6, ...other, ...other, 7];

Deno.test("an image has fewer positions than rows", () => {
  const after = tokens.map((_, length) => positionAt(tokens, length));
  // Before each token; inside of an image they mean nothing.
  assertEquals([0, 1, 7, 8, 10, 12].map((length) => after[length]), [0, 1, 4, 5, 7, 9]);
});

Deno.test("a beginning is cut where an image begins or ends", () => {
  const whole = (length: number) => wholeLength(tokens, length);
  assertEquals([0, 1, 2, 6, 7, 8, 9, 10, 11, 12].map(whole), [0, 1, 1, 1, 7, 8, 8, 10, 10, 12]);
  // All that there is.
  assertEquals(wholeLength(tokens.slice(0, 4), 4), 4);
});

Deno.test("the tokens that the KV cache has are those below its end", () => {
  const text = [...tokens.slice(0, 8), 8, 9];
  // Positions: 0, the image at 1 to 3, then 4, 5 and 6.
  assertEquals([7, 6, 5, 4].map((end) => heldTokens(text, end)), [10, 9, 8, 7]);
  // The KV cache has all rows of an image at its first position.
  assertEquals(heldTokens(tokens.slice(0, 7), 2), 7);
  assertEquals(heldTokens([1, 2, 3], 2), 2);
});
