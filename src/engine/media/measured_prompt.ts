import { append } from "../../append.ts";
import { type MediaInput, rowToken } from "../protocol/mod.ts";

/** Rows of an image that follow each other. */
export interface RowPiece {
  readonly rows: number;
  /** Positions that they take: fewer than rows with M-RoPE. */
  readonly positions: number;
}

/** An image of a prompt whose rows are counted. */
export interface MeasuredImage {
  readonly image: MediaInput;
  /** Hash of the file. */
  readonly hash: string;
  /** Tokens around the rows, and rows, in their order. */
  readonly pieces: readonly (readonly number[] | RowPiece)[];
}

/** A prompt whose length is known, and whose images may not be encoded yet. */
export interface MeasuredPrompt {
  /** Tokens of texts, and images, in their order. */
  readonly parts: readonly (readonly number[] | MeasuredImage)[];
  /** Tokens and rows in total. */
  readonly length: number;
}

/** The images of a prompt, in their order. */
export function imagesOf({ parts }: MeasuredPrompt): readonly MeasuredImage[] {
  return parts.filter((part) => "image" in part);
}

/** Rows of an image. */
export function rowsOf({ pieces }: MeasuredImage): number {
  return pieces.reduce((sum, piece) => sum + ("rows" in piece ? piece.rows : 0), 0);
}

/** Numbers that the rows of an image take: one is left out after each piece, so that no other rows follow. */
export function numbersOf({ pieces }: MeasuredImage): number {
  return pieces.reduce((sum, piece) => sum + ("rows" in piece ? piece.rows + 1 : 0), 0);
}

/** Tokens and rows of a part. */
export function lengthOf(part: readonly number[] | MeasuredImage): number {
  if (!("image" in part)) return part.length;
  return part.pieces.reduce(
    (sum, piece) => sum + ("rows" in piece ? piece.rows : piece.length),
    0,
  );
}

/**
 * Adds the tokens of an image to a list. The rows at the end of a piece move the position, so that all rows of
 * an image have their position from its first one.
 *
 * @param number number of its first row
 */
export function appendImage(tokens: number[], { pieces }: MeasuredImage, number: number): void {
  let next = number;
  for (const piece of pieces) {
    if (!("rows" in piece)) {
      append(tokens, piece);
      continue;
    }
    const { rows, positions } = piece;
    for (let row = 0; row < rows; row++) {
      tokens.push(rowToken(next + row, row >= rows - positions));
    }
    next += rows + 1;
  }
}
