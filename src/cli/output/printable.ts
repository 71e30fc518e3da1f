/** Control characters, line separators and characters that reverse the order of others. */
// deno-lint-ignore no-control-regex
const UNSAFE = /[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/g;

/** Control characters except line feeds and tabs. */
// deno-lint-ignore no-control-regex
const CONTROLS = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/g;

/** A text of a model, a paste or a file without the characters that could send commands to the terminal. */
export function withoutControls(text: string): string {
  return text.replace(CONTROLS, "");
}

/**
 * A name from a file or a server with its control characters escaped, so that it stays on its line and
 * cannot send commands to the terminal.
 */
export function printable(text: string): string {
  return text.replace(UNSAFE, escaped);
}

/** Like {@linkcode printable}, for text of several lines: keeps line feeds and tabs. */
export function printableLines(text: string): string {
  return text.replace(
    UNSAFE,
    (character) => /[\n\t]/.test(character) ? character : escaped(character),
  );
}

function escaped(character: string): string {
  const short = { "\n": "\\n", "\r": "\\r", "\t": "\\t" }[character];
  if (short !== undefined) return short;
  const code = character.charCodeAt(0).toString(16);
  return code.length > 2 ? `\\u${code.padStart(4, "0")}` : `\\x${code.padStart(2, "0")}`;
}
