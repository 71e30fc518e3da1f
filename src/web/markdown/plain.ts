import type { Token } from "marked";

/**
 * The text of a paragraph without any markup; null for other blocks. It needs no HTML, whose parsing takes
 * most of the time of a growing answer.
 */
export function plainTextOf(token: Token): string | null {
  if (token.type !== "paragraph" || token.tokens?.length !== 1) return null;
  const [inline] = token.tokens;
  const isText = inline?.type === "text" && !("tokens" in inline && inline.tokens);
  // A character reference such as &amp; is a character in HTML.
  if (!isText || inline.text.includes("&")) return null;
  return inline.text;
}
