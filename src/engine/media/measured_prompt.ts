import { append } from "../../append.ts";
import { type MediaInput, rowToken } from "../protocol/mod.ts";
import type { AudioLength } from "./media_runs.ts";

/** Rows of an image that follow each other. */
export interface RowPiece {
  readonly rows: number;
  /** Positions that they take: fewer than rows with M-RoPE. */
  readonly positions: number;
}

/** An image or a sound of a prompt, whose rows are counted. */
export interface MeasuredImage {
  readonly image: MediaInput;
  /** Length of a sound. */
  readonly seconds?: number;
  /** Hash of the file. */
  readonly hash: string;
  /** Tokens around the rows, and rows, in their order. */
  readonly pieces: readonly (readonly number[] | RowPiece)[];
}

/** A prompt whose length is known, and whose images and sounds may not be encoded yet. */
export interface MeasuredPrompt {
  /** Tokens of texts, images and sounds, in their order. */
  readonly parts: readonly (readonly number[] | MeasuredImage)[];
  /** Tokens and rows in total. */
  readonly length: number;
}

/** The images and sounds of a prompt, in their order. */
export function imagesOf({ parts }: MeasuredPrompt): readonly MeasuredImage[] {
  return parts.filter((part) => "image" in part);
}

/** The sounds of a prompt; null if there are none. */
export function audioOf(prompt: MeasuredPrompt): AudioLength | null {
  const sounds = imagesOf(prompt).filter(({ image }) => image.type === "audio");
  if (sounds.length === 0) return null;
  return {
    tokens: sounds.reduce((sum, sound) => sum + rowsOf(sound), 0),
    seconds: sounds.reduce((sum, { seconds = 0 }) => sum + seconds, 0),
  };
}

/** Rows of an image or a sound. */
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
