import { eastAsianWidth } from "get-east-asian-width";

/** Characters that take no column: combining marks, joiners and other invisible characters. */
const ZERO_WIDTH = /^[\p{Mark}\p{Default_Ignorable_Code_Point}\p{Cc}]/u;
/** An emoji sequence or a character that a variation selector turns into an emoji. */
const EMOJI = /\p{Emoji_Presentation}|\uFE0F/u;

let graphemes: Intl.Segmenter | undefined;

/** The number of terminal columns that a text takes. */
export function displayWidth(text: string): number {
  // The segmenter takes milliseconds to load, and most texts are ASCII.
  if (isAscii(text)) return text.length;
  let width = 0;
  for (const grapheme of graphemesOf(text)) width += graphemeWidth(grapheme);
  return width;
}

/** The beginning of a text that fits into terminal columns; `…` stands for the rest. */
export function truncated(text: string, columns: number): string {
  if (displayWidth(text) <= columns) return text;
  let kept = "";
  let width = 1;
  for (const grapheme of isAscii(text) ? text : graphemesOf(text)) {
    width += graphemeWidth(grapheme);
    if (width > columns) break;
    kept += grapheme;
  }
  return `${kept}…`;
}

function isAscii(text: string): boolean {
  return /^[\x20-\x7e]*$/.test(text);
}

function graphemesOf(text: string): string[] {
  graphemes ??= new Intl.Segmenter();
  return Array.from(graphemes.segment(text), ({ segment }) => segment);
}

function graphemeWidth(grapheme: string): number {
  if (ZERO_WIDTH.test(grapheme)) return 0;
  return EMOJI.test(grapheme) ? 2 : eastAsianWidth(grapheme.codePointAt(0)!);
}
