import type { MediaInput } from "../protocol/mod.ts";

/** An image of a prompt whose rows are counted. */
export interface MeasuredImage {
  readonly image: MediaInput;
  /** Hash of the file. */
  readonly hash: string;
  /** Tokens around the rows, and numbers of rows, in their order. */
  readonly pieces: readonly (readonly number[] | number)[];
  /** Rows in total. */
  readonly rows: number;
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

/** Tokens and rows of a part. */
export function lengthOf(part: readonly number[] | MeasuredImage): number {
  if (!("image" in part)) return part.length;
  return part.pieces.reduce<number>(
    (sum, piece) => sum + (typeof piece === "number" ? piece : piece.length),
    0,
  );
}
