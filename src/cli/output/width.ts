import { eastAsianWidth } from "get-east-asian-width";

/** Characters that take no column: combining marks, joiners and other invisible characters. */
const ZERO_WIDTH = /^[\p{Mark}\p{Default_Ignorable_Code_Point}\p{Cc}]/u;
/** An emoji sequence or a character that a variation selector turns into an emoji. */
const EMOJI = /\p{Emoji_Presentation}|\uFE0F/u;

let graphemes: Intl.Segmenter | undefined;

/** The number of terminal columns that a text takes. */
export function displayWidth(text: string): number {
  // The segmenter takes milliseconds to load, and most texts are ASCII.
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  graphemes ??= new Intl.Segmenter();
  let width = 0;
  for (const { segment } of graphemes.segment(text)) {
    if (ZERO_WIDTH.test(segment)) continue;
    width += EMOJI.test(segment) ? 2 : eastAsianWidth(segment.codePointAt(0)!);
  }
  return width;
}
