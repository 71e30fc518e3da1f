import { isMediaToken } from "../protocol/mod.ts";

/** Rows of a media file among the tokens of a file. */
export interface StoredMedia {
  /** Index of the first of these rows. */
  readonly at: number;
  readonly rows: number;
  /** What identifies the media file and its encoder in any process. */
  readonly name: string;
  /** Numbers that all rows of the media file take, and the place of the first of these rows among them. */
  readonly count: number;
  readonly offset: number;
}

/** Tokens, and the media files among them. */
export interface NamedTokens {
  readonly tokens: readonly number[];
  /** By ascending index; absent without media files. */
  readonly media?: readonly StoredMedia[];
}

/**
 * Names the rows of media files in files: the numbers that rows have among the tokens of a sequence mean nothing to
 * another process.
 */
export interface RowNames {
  /** Tokens as in files, which are the same in all processes; null if a media file among them is not known any more. */
  toFile(tokens: readonly number[]): NamedTokens | null;
  /** Tokens of this process; null if the media files are not those of the tokens. */
  fromFile(named: NamedTokens): readonly number[] | null;
}

/** For a model that reads no media files. */
export const NO_ROWS: RowNames = {
  toFile: (tokens) => tokens.some(isMediaToken) ? null : { tokens },
  fromFile: ({ tokens }) => tokens.some(isMediaToken) ? null : tokens,
};
