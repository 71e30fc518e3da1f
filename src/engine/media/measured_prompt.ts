import { append } from "../../append.ts";
import { ShimmyError } from "../../errors.ts";
import { type MediaInput, rowToken } from "../protocol/mod.ts";
import type { DecodedSound } from "./decoded_sounds.ts";
import type { AudioLength } from "./media_runs.ts";

/** Rows of a media file that follow each other. */
export interface RowPiece {
  readonly rows: number;
  /** Positions that they take: fewer than rows with M-RoPE. */
  readonly positions: number;
}

/** An image or a sound of a prompt, whose rows are counted. */
export interface MeasuredMedia {
  readonly media: MediaInput;
  /** Length of a sound. */
  readonly seconds?: number;
  /** A sound that was decoded to count its rows. */
  readonly decoded?: DecodedSound;
  /** Hash of the file. */
  readonly hash: string;
  /** Tokens around the rows, and rows, in their order. */
  readonly pieces: readonly (readonly number[] | RowPiece)[];
}

/** A prompt whose length is known, and whose media files may not be encoded yet. Closing it frees decoded sounds. */
export interface MeasuredPrompt extends Disposable {
  /** Tokens of texts and media files, in their order. */
  readonly parts: readonly (readonly number[] | MeasuredMedia)[];
  /** Tokens and rows in total. */
  readonly length: number;
}

/** The media files of a prompt, in their order. */
export function mediaOf({ parts }: MeasuredPrompt): readonly MeasuredMedia[] {
  return parts.filter((part) => "media" in part);
}

/** The sounds of a prompt; null if there are none. */
export function audioOf(prompt: MeasuredPrompt): AudioLength | null {
  const sounds = mediaOf(prompt).filter(({ media }) => media.type === "audio");
  if (sounds.length === 0) return null;
  return {
    tokens: sounds.reduce((sum, sound) => sum + rowsOf(sound), 0),
    seconds: sounds.reduce((sum, { seconds = 0 }) => sum + seconds, 0),
  };
}

/** Rows of a media file. */
export function rowsOf({ pieces }: MeasuredMedia): number {
  return pieces.reduce((sum, piece) => sum + ("rows" in piece ? piece.rows : 0), 0);
}

/** Numbers that the rows of a media file take: one is left out after each piece, so that no other rows follow. */
export function numbersOf({ pieces }: MeasuredMedia): number {
  return pieces.reduce((sum, piece) => sum + ("rows" in piece ? piece.rows + 1 : 0), 0);
}

/** Tokens and rows of a part. */
export function lengthOf(part: readonly number[] | MeasuredMedia): number {
  if (!("media" in part)) return part.length;
  return part.pieces.reduce(
    (sum, piece) => sum + ("rows" in piece ? piece.rows : piece.length),
    0,
  );
}

/**
 * Adds the tokens of a media file to a list. The rows at the end of a piece move the position, so that all rows of
 * a media file have their position from its first one.
 *
 * @param number number of its first row
 */
export function appendMedia(tokens: number[], { pieces }: MeasuredMedia, number: number): void {
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

/** The error of a media file that a prompt must not have. */
export function refused({ field }: MediaInput, what: string): ShimmyError {
  return new ShimmyError("invalid", `${field}: ${what}`, { field });
}
