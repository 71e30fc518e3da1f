/** A Lark grammar cannot be converted. The message says why. */
export class LarkError extends Error {}

/** Terminals of Lark's library `common`. */
const COMMON: Readonly<Record<string, string>> = {
  CR: "\\r",
  LF: "\\n",
  NEWLINE: "(?:\\r?\\n)+",
  WS_INLINE: "[ \\t]+",
  WS: "[ \\t\\f\\r\\n]+",
  DIGIT: "[0-9]",
  HEXDIGIT: "[0-9a-fA-F]",
  INT: "[0-9]+",
  SIGNED_INT: "[+-]?[0-9]+",
  LCASE_LETTER: "[a-z]",
  UCASE_LETTER: "[A-Z]",
  LETTER: "[a-zA-Z]",
  WORD: "[a-zA-Z]+",
  CNAME: "[a-zA-Z_][a-zA-Z_0-9]*",
  ESCAPED_STRING: '"(?:[^"\\\\\\n]|\\\\.)*"',
};

/** Length of a converted pattern; the grammar's own limit for patterns is lower than twice this. */
const MAX_LENGTH = 4_000;
/** Nesting of groups and rules. The converter recurses. */
const MAX_DEPTH = 60;

const TOKEN =
  /\s*(?:\/\/[^\n]*\n?|(?<text>"(?:[^"\\\n]|\\.)*"i?)|(?<regex>\/(?!\/)(?:[^/\\\n]|\\.)+\/[a-z]*)|(?<name>[!?]?_?[a-zA-Z][a-zA-Z_0-9]*)|(?<number>[0-9]+)|(?<mark>->|\.\.|[()[\]|*+?~:.]))/y;

interface Token {
  readonly kind: "text" | "regex" | "name" | "number" | "mark";
  readonly text: string;
}

function tokens(source: string): Token[] {
  const found: Token[] = [];
  TOKEN.lastIndex = 0;
  const end = source.trimEnd().length;
  for (let at = 0; at < end; at = TOKEN.lastIndex) {
    TOKEN.lastIndex = at;
    const groups = TOKEN.exec(source)?.groups;
    if (groups === undefined) throw new LarkError(`it cannot be read at character ${at}`);
    for (const kind of ["text", "regex", "name", "number", "mark"] as const) {
      if (groups[kind] !== undefined) found.push({ kind, text: groups[kind] });
    }
  }
  return found;
}

/** The definitions of a grammar: the tokens of each rule and terminal, by name. */
function definitions(source: string): Map<string, readonly Token[]> {
  const rules = new Map<string, readonly Token[]>();
  const body: string[] = [];
  for (const line of source.split("\n")) {
    const directive = line.match(/^\s*%(\w+)\s*(.*)$/);
    if (directive === null) {
      body.push(line);
      continue;
    }
    const imported = directive[2]!.match(/^common\.([A-Z_]+)(?:\s*->\s*(\w+))?\s*(?:\/\/.*)?$/);
    const pattern = imported === null ? undefined : COMMON[imported[1]!];
    if (directive[1] !== "import" || pattern === undefined) {
      throw new LarkError(`'${line.trim().slice(0, 80)}' is not supported`);
    }
    rules.set(imported![2] ?? imported![1]!, [{ kind: "regex", text: `/${pattern}/` }]);
  }
  const all = tokens(body.join("\n"));
  const starts: number[] = [];
  all.forEach(({ kind }, index) => {
    const priority = all[index + 1]?.text === "." && all[index + 2]?.kind === "number" ? 2 : 0;
    if (kind === "name" && all[index + 1 + priority]?.text === ":") starts.push(index);
  });
  if (all.length > 0 && starts[0] !== 0) throw new LarkError("it must begin with a rule");
  starts.forEach((start, index) => {
    const name = all[start]!.text.replace(/^[!?]+/, "");
    let colon = start + 1;
    while (all[colon]!.text !== ":") colon++;
    rules.set(name, all.slice(colon + 1, starts[index + 1] ?? all.length));
  });
  return rules;
}

/** The definitions of a grammar, and the patterns of those that were converted. */
interface Rules {
  readonly definitions: ReadonlyMap<string, readonly Token[]>;
  /** A rule is converted once: rules that name others twice would double the work at each level. */
  readonly patterns: Map<string, string>;
}

/** Converts the expression of one rule. */
class Converter {
  readonly #rules: Rules;
  readonly #open: string[];
  readonly #tokens: readonly Token[];
  #at = 0;
  #depth: number;

  constructor(rules: Rules, open: string[], name: string) {
    const found = rules.definitions.get(name);
    if (found === undefined) throw new LarkError(`there is no rule '${name}'`);
    if (open.includes(name)) throw new LarkError(`the rule '${name}' is recursive`);
    this.#rules = rules;
    this.#open = [...open, name];
    this.#tokens = found;
    this.#depth = this.#open.length;
  }

  convert(): string {
    const pattern = this.#alternatives();
    if (this.#peek !== undefined) throw new LarkError(`'${this.#peek.text}' is not expected`);
    return pattern;
  }

  get #peek(): Token | undefined {
    return this.#tokens[this.#at];
  }

  #takes(text: string): boolean {
    const takes = this.#peek?.kind === "mark" && this.#peek.text === text;
    if (takes) this.#at++;
    return takes;
  }

  #alternatives(): string {
    if (++this.#depth > MAX_DEPTH) throw new LarkError(`it nests deeper than ${MAX_DEPTH}`);
    const all: string[] = [];
    do all.push(this.#sequence()); while (this.#takes("|"));
    this.#depth--;
    return bounded(all.length === 1 ? all[0]! : `(?:${all.join("|")})`);
  }

  #sequence(): string {
    let pattern = "";
    while (this.#peek !== undefined && !["|", ")", "]"].includes(this.#peek.text)) {
      if (this.#takes("->")) this.#at++;
      else pattern = bounded(pattern + this.#quantified(this.#atom()));
    }
    return pattern;
  }

  #quantified(atom: string): string {
    for (const mark of ["*", "+", "?"]) {
      if (this.#takes(mark)) return `(?:${atom})${mark}`;
    }
    if (!this.#takes("~")) return atom;
    const least = this.#number();
    return `(?:${atom}){${least}${this.#takes("..") ? `,${this.#number()}` : ""}}`;
  }

  #rule(name: string): string {
    const known = this.#rules.patterns.get(name);
    if (known !== undefined) return known;
    const pattern = new Converter(this.#rules, this.#open, name).convert();
    this.#rules.patterns.set(name, pattern);
    return pattern;
  }

  #number(): string {
    const token = this.#tokens[this.#at++];
    if (token?.kind !== "number") throw new LarkError("a number must follow '~'");
    return token.text;
  }

  #atom(): string {
    const token = this.#tokens[this.#at++]!;
    switch (token.kind) {
      case "text":
        return literal(token.text);
      case "regex": {
        const end = token.text.lastIndexOf("/");
        const flags = token.text.slice(end + 1);
        if (flags !== "") throw new LarkError(`the flags '${flags}' are not supported`);
        return `(?:${token.text.slice(1, end)})`;
      }
      case "name":
        return this.#rule(token.text);
      default: {
        const close = token.text === "(" ? ")" : token.text === "[" ? "]" : null;
        if (close === null) throw new LarkError(`'${token.text}' is not expected`);
        const inner = `(?:${this.#alternatives()})`;
        if (!this.#takes(close)) throw new LarkError(`'${close}' is missing`);
        return close === "]" ? `${inner}?` : inner;
      }
    }
  }
}

/** @throws {LarkError} for a pattern that is too long. */
function bounded(pattern: string): string {
  if (pattern.length <= MAX_LENGTH) return pattern;
  throw new LarkError(`its expansion is longer than ${MAX_LENGTH} characters`);
}

/** The pattern of a quoted text. */
function literal(quoted: string): string {
  if (quoted.endsWith("i")) throw new LarkError("texts without case are not supported");
  let text: unknown;
  try {
    text = JSON.parse(quoted);
  } catch {
    throw new LarkError(`${quoted.slice(0, 80)} has an unknown escape`);
  }
  return String(text).replace(/[.*+?^${}()|[\]\\/]/g, "\\$&").replaceAll("\n", "\\n");
}

/**
 * Converts a Lark grammar without recursion to a regular expression of the texts it describes.
 *
 * @throws {LarkError} for recursion, `%ignore`, templates, flags and imports except `common`.
 */
export function larkToPattern(source: string): string {
  const rules = { definitions: definitions(source), patterns: new Map<string, string>() };
  return new Converter(rules, [], "start").convert();
}
