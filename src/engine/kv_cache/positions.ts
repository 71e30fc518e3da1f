import { areRowsOfOne, isMediaToken, movesPosition } from "../protocol/mod.ts";

/**
 * Position of the token after the first `length` tokens. Where images have two dimensions (M-RoPE), an image has
 * fewer positions than rows.
 */
export function positionAt(tokens: readonly number[], length: number): number {
  let position = 0;
  for (let at = 0; at < length; at++) if (movesPosition(tokens[at]!)) position++;
  return position;
}

/**
 * The longest beginning of at most `length` tokens that does not end inside of an image. Cells are removed by
 * their positions, which the rows of an image share.
 */
export function wholeLength(tokens: readonly number[], length: number): number {
  let whole = length;
  while (whole > 0 && whole < tokens.length && areRowsOfOne(tokens[whole - 1]!, tokens[whole]!)) {
    whole--;
  }
  return whole;
}

/**
 * The number of tokens at the beginning whose positions are below `end`. Rows of an image at the end count as
 * being there: several of them may share the last position.
 */
export function heldTokens(tokens: readonly number[], end: number): number {
  let held = tokens.length;
  let position = positionAt(tokens, held);
  while (held > 0 && !isMediaToken(tokens[held - 1]!) && position > end) {
    held--;
    position--;
  }
  return held;
}
