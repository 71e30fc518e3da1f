import { isMediaToken } from "../protocol/mod.ts";

/** Rows of an image among the tokens of a file. */
export interface StoredImage {
  /** Index of the first of these rows. */
  readonly at: number;
  readonly rows: number;
  /** What identifies the image and its encoder in any process. */
  readonly name: string;
  /** Numbers that all rows of the image take, and the place of the first of these rows among them. */
  readonly count: number;
  readonly offset: number;
}

/** Tokens, and the images among them. */
export interface NamedTokens {
  readonly tokens: readonly number[];
  /** By ascending index; absent without images. */
  readonly images?: readonly StoredImage[];
}

/**
 * Names the rows of images in files: the numbers that rows have among the tokens of a sequence mean nothing to
 * another process.
 */
export interface RowNames {
  /** Tokens as in files, which are the same in all processes; null if an image among them is not known any more. */
  toFile(tokens: readonly number[]): NamedTokens | null;
  /** Tokens of this process; null if the images are not those of the tokens. */
  fromFile(named: NamedTokens): readonly number[] | null;
}

/** For a model that reads no images. */
export const NO_ROWS: RowNames = {
  toFile: (tokens) => tokens.some(isMediaToken) ? null : { tokens },
  fromFile: ({ tokens }) => tokens.some(isMediaToken) ? null : tokens,
};
