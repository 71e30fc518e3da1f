/** A text as a GBNF literal. */
export function quoted(text: string): string {
  const escaped = text.replace(/[\\"]/g, "\\$&").replace(/\n/g, "\\n").replace(/\r/g, "\\r")
    .replace(/\t/g, "\\t");
  return `"${escaped}"`;
}

/**
 * The GBNF rule `name` for any text in which `stop` does not occur, so that `name` followed by the
 * stop ends at its first occurrence.
 *
 * One rule for each length of the part of the stop that has just been read, as in the automaton of
 * Knuth, Morris and Pratt.
 */
export function anyTextUntil(name: string, stop: string): string {
  const characters = Array.from(stop);
  const alphabet = [...new Set(characters)];
  const rules = characters.map((_, state) => {
    const branches = alphabet.flatMap((character) => {
      const next = nextState(characters, state, character);
      if (next === characters.length) return [];
      return [`${quoted(character)} ${ruleName(name, next)}`];
    });
    const others = alphabet.map(inClass).join("");
    const alternatives = [`[^${others}] ${ruleName(name, 0)}`, ...branches, '""'];
    return `${ruleName(name, state)} ::= ${alternatives.join(" | ")}`;
  });
  return rules.join("\n");
}

function ruleName(name: string, state: number): string {
  return state === 0 ? name : `${name}-${state}`;
}

/** How much of the stop has been read when `character` follows `state` characters of it. */
function nextState(stop: readonly string[], state: number, character: string): number {
  const read = [...stop.slice(0, state), character].join("");
  for (let length = state + 1; length > 0; length--) {
    if (read.endsWith(stop.slice(0, length).join(""))) return length;
  }
  return 0;
}

function inClass(character: string): string {
  // GBNF has no escape for a circumflex but its code.
  if (character === "^") return "\\x5E";
  return /[\\\][-]/.test(character) ? `\\${character}` : JSON.stringify(character).slice(1, -1);
}

/** A grammar whose start symbol has another name, so that it can be part of a larger one. */
export function renameRoot(source: string, name: string): string {
  const token = /"(?:\\.|[^"\\])*"|\[(?:\\.|[^\]\\])*\]|#[^\n]*|[A-Za-z0-9-]+/g;
  return source.replace(token, (text) => text === "root" ? name : text);
}
