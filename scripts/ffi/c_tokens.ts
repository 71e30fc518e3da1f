/** Tokenizes C headers after minimal preprocessing. */

/** A header with its comments and conditionals resolved. */
export interface Preprocessed {
  /** The remaining lines, without directives. */
  readonly text: string;
  /** Object-like macros with a value, as text, in order. */
  readonly defines: ReadonlyMap<string, string>;
}

/**
 * Removes comments and directives from a header and collects its object-like macros.
 *
 * No macro is defined from outside, so `#ifdef` is false, `#ifndef` true and `#if` false. For the
 * pinned headers this gives plain C on a 64-bit machine.
 */
export function preprocess(header: string): Preprocessed {
  const source = header
    .replaceAll(/\\\r?\n/g, " ")
    .replaceAll(/\/\*[\s\S]*?\*\//g, " ")
    .replaceAll(/\/\/[^\n]*/g, "");
  const defines = new Map<string, string>();
  // One entry per open conditional: whether its branch is active, and whether a branch was active
  // already.
  const open: { on: boolean; taken: boolean }[] = [];
  const active = () => open.every((branch) => branch.on);
  const kept: string[] = [];
  for (const line of source.split(/\r?\n/)) {
    const directive = /^\s*#\s*(\w+)\s*(.*)$/.exec(line);
    if (!directive) {
      if (active()) kept.push(line);
      continue;
    }
    const [, name, rest = ""] = directive;
    const branch = open.at(-1);
    if (name === "ifdef" || name === "if") open.push({ on: false, taken: false });
    else if (name === "ifndef") open.push({ on: true, taken: true });
    else if (name === "elif" && branch) branch.on = false;
    else if (name === "else" && branch) branch.on = !branch.taken;
    else if (name === "endif") open.pop();
    else if (name === "define" && active()) {
      const define = /^(\w+)\s+(.+)$/.exec(rest.trim());
      if (define) defines.set(define[1]!, define[2]!.trim());
    }
  }
  return { text: kept.join("\n"), defines };
}

/** Splits preprocessed C text into identifiers, numbers, strings and punctuation. */
export function tokenize(text: string): string[] {
  return text.match(
    /[A-Za-z_]\w*|0[xX][0-9a-fA-F]+[uUlL]*|\d[\w.]*|"[^"]*"|<<|>>|\.\.\.|[^\s\w]/g,
  ) ??
    [];
}
