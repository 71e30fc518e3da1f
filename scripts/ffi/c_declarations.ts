import { evaluate } from "./c_expression.ts";
import { preprocess, tokenize } from "./c_tokens.ts";

/** A C type, with the detail that a binding needs. */
export type CType =
  /** A scalar, a typedef, or a `struct`/`enum` tag (with the keyword in `name`). */
  | { readonly kind: "named"; readonly name: string }
  | { readonly kind: "pointer"; readonly to: CType; readonly constant: boolean }
  | { readonly kind: "array"; readonly of: CType; readonly length: number }
  | { readonly kind: "function" };

/** A parameter or field; `c` is its type in C syntax. */
export interface Variable {
  readonly name: string;
  readonly type: CType;
  readonly c: string;
}

/** A member of a struct; the members of an anonymous union share one offset. */
export type Member = Variable | { readonly union: readonly Variable[] };

export interface CFunction {
  readonly name: string;
  readonly result: CType;
  readonly resultC: string;
  readonly parameters: readonly Variable[];
  readonly variadic: boolean;
}

/** Declarations of a set of headers. */
export interface Declarations {
  readonly functions: Map<string, CFunction>;
  /** By tag, or by typedef name for a struct without a tag. */
  readonly structs: Map<string, readonly Member[]>;
  readonly enums: Map<string, ReadonlyMap<string, number>>;
  readonly typedefs: Map<string, CType>;
  /** Object-like macros whose value is an integer. */
  readonly constants: Map<string, number>;
  /** Header of each name. */
  readonly origin: Map<string, string>;
}

/** Words that do not change the type. */
const NOISE =
  /^(LLAMA_API|GGML_API|GGML_BACKEND_API|MTMD_API|GGML_NORETURN|GGML_RESTRICT|restrict|extern)$/;

/**
 * Reads the declarations of C headers, in the order in which they include each other.
 *
 * Leaves out deprecated functions and functions with a body. Supports the subset of C in these
 * headers; throws `SyntaxError` for a declaration that it cannot read.
 *
 * @param headers names and texts
 */
export function readDeclarations(
  headers: readonly { readonly name: string; readonly text: string }[],
): Declarations {
  const result: Declarations = {
    functions: new Map(),
    structs: new Map(),
    enums: new Map(),
    typedefs: new Map(),
    constants: new Map(),
    origin: new Map(),
  };
  for (const header of headers) {
    const { text, defines } = preprocess(header.text);
    new HeaderReader(tokenize(text), header.name, result).read(defines);
  }
  return result;
}

class HeaderReader {
  #at = 0;
  readonly #values = new Map<string, number>();

  constructor(
    readonly tokens: readonly string[],
    readonly header: string,
    readonly found: Declarations,
  ) {
    for (const members of found.enums.values()) {
      for (const [name, value] of members) this.#values.set(name, value);
    }
  }

  read(defines: ReadonlyMap<string, string>): void {
    for (const [name, text] of defines) {
      const value = this.#evaluate(text);
      if (value === undefined) continue;
      this.found.constants.set(name, value);
      this.found.origin.set(name, this.header);
    }
    while (this.#at < this.tokens.length) this.#declaration();
  }

  #evaluate(text: string): number | undefined {
    return evaluate(
      text,
      (name) => this.#values.get(name) ?? this.found.constants.get(name),
      (type) => ({ "int32_t": 4, "int64_t": 8, "float": 4 })[type],
    );
  }

  /** Reads one top-level declaration. */
  #declaration(): void {
    const statement = this.#statement();
    const words = statement.filter((word) => !NOISE.test(word));
    if (words.length === 0 || /^(static|inline|template)$/.test(words[0]!)) return;
    if (words.includes("DEPRECATED") || words.includes("GGML_DEPRECATED")) return;
    while (words[0] === "GGML_ATTRIBUTE_FORMAT") words.splice(0, words.indexOf(")") + 1);

    if (words[0] === "enum" && words[2] === "{") return this.#enumeration(words);
    const typedef = words[0] === "typedef";
    if (typedef) words.shift();
    if (words[0] === "struct" && (words[2] === "{" || words[1] === "{")) {
      const end = closing(words, words.indexOf("{"));
      const tag = words[1] === "{" ? words[end + 1]! : words[1]!;
      this.#keep(this.found.structs, tag, this.#members(words.slice(words.indexOf("{") + 1, end)));
      const alias = words[end + 1];
      if (typedef && alias !== undefined) {
        this.#keep(this.found.typedefs, alias, { kind: "named", name: `struct ${tag}` });
      }
      return;
    }
    if (typedef) {
      const { name, type } = this.#variable(words);
      return this.#keep(this.found.typedefs, name, type);
    }
    if (words.includes("(")) return this.#function(words);
    if (words.length === 2 && words[0] === "struct") return;
    throw new SyntaxError(`Cannot read a declaration of ${this.header}: ${words.join(" ")}`);
  }

  #keep<T>(into: Map<string, T>, name: string, value: T): void {
    into.set(name, value);
    this.found.origin.set(name, this.header);
  }

  /** Tokens up to the next semicolon outside of brackets, without the semicolon. */
  #statement(): string[] {
    const words: string[] = [];
    let depth = 0;
    while (this.#at < this.tokens.length) {
      const token = this.tokens[this.#at++]!;
      if (token === ";" && depth === 0) break;
      if ("{([".includes(token)) depth++;
      if ("})]".includes(token)) depth--;
      words.push(token);
    }
    return words;
  }

  #enumeration(words: readonly string[]): void {
    const values = new Map<string, number>();
    let next = 0;
    for (const entry of split(words.slice(3, closing(words, 2)), ",")) {
      const [name, , ...expression] = entry;
      if (name === undefined) continue;
      const value = expression.length ? this.#evaluate(expression.join(" ")) : next;
      if (value === undefined) throw new SyntaxError(`Cannot evaluate ${entry.join(" ")}`);
      values.set(name, value);
      this.#values.set(name, value);
      next = value + 1;
    }
    this.#keep(this.found.enums, words[1]!, values);
  }

  #members(words: readonly string[]): Member[] {
    return split(words, ";").filter((field) => field.length > 0).map((field) => {
      if (field[0] === "union") {
        const body = field.slice(2, closing(field, 1));
        return {
          union: split(body, ";").filter((entry) => entry.length > 0).map((entry) =>
            this.#variable(entry)
          ),
        };
      }
      if (field[0] === "struct" && field[1] === "{") {
        const end = closing(field, 1);
        const name = field[end + 1]!;
        this.#keep(this.found.structs, name, this.#members(field.slice(2, end)));
        return { name, type: { kind: "named", name: `struct ${name}` }, c: "struct" };
      }
      return this.#variable(field);
    });
  }

  #function(words: readonly string[]): void {
    const open = words.indexOf("(");
    const { name, type, c } = this.#variable(words.slice(0, open));
    const list = split(words.slice(open + 1, closing(words, open)), ",");
    const variadic = list.at(-1)?.join("") === "...";
    if (variadic) list.pop();
    const none = list.length === 1 && list[0]!.join(" ") === "void";
    this.#keep(this.found.functions, name, {
      name,
      result: type,
      resultC: c,
      parameters: none ? [] : list.map((words, index) => this.#variable(words, `arg${index}`)),
      variadic,
    });
  }

  /**
   * A type with a name: `const char * text`, `float x[4]`, `bool (*callback)(int)`.
   *
   * @param unnamed name for a parameter without one
   */
  #variable(words: readonly string[], unnamed?: string): Variable {
    words = words.filter((word) => !NOISE.test(word));
    const callback = words.findIndex((word, index) => word === "(" && words[index + 1] === "*");
    if (callback >= 0) {
      const name = words[callback + 2]!;
      return { name, type: { kind: "function" }, c: cText(words.filter((word) => word !== name)) };
    }
    const lengths: number[] = [];
    let end = words.length;
    while (words[end - 1] === "]") {
      const open = words.lastIndexOf("[", end);
      const length = this.#evaluate(words.slice(open + 1, end - 1).join(" "));
      if (length === undefined) throw new SyntaxError(`No array length: ${words.join(" ")}`);
      lengths.push(length);
      end = open;
    }
    const hasName = unnamed === undefined || isName(words[end - 1]!, words.slice(0, end - 1));
    const name = hasName ? words[end - 1]! : unnamed;
    const typeWords = hasName ? words.slice(0, end - 1) : words.slice(0, end);
    let type = baseType(typeWords);
    for (const length of lengths) type = { kind: "array", of: type, length };
    const suffix = lengths.toReversed().map((length) => `[${length}]`).join("");
    return { name, type, c: cText(typeWords) + suffix };
  }
}

/** Whether the last word of a parameter is its name and not the end of its type. */
function isName(last: string, before: readonly string[]): boolean {
  const type = before.filter((word) => word !== "const");
  return /^\w+$/.test(last) && type.length > 0 && !/^(struct|enum|unsigned)$/.test(type.at(-1)!);
}

/** Parses `const struct llama_model *`: a base type wrapped by pointers. */
function baseType(words: readonly string[]): CType {
  const star = words.indexOf("*");
  const head = star < 0 ? words : words.slice(0, star);
  const constant = head.includes("const");
  let type: CType = { kind: "named", name: head.filter((word) => word !== "const").join(" ") };
  const stars = words.filter((word) => word === "*").length;
  for (let level = 0; level < stars; level++) {
    type = { kind: "pointer", to: type, constant: level === 0 && constant };
  }
  return type;
}

function cText(words: readonly string[]): string {
  return words.join(" ").replaceAll(/\* (?=\*)/g, "*").replaceAll(/\( ?| ?\)/g, (s) => s.trim())
    .replaceAll(" ,", ",");
}

/** Index of the bracket that closes the one at `open`. */
function closing(words: readonly string[], open: number): number {
  let depth = 0;
  for (let index = open; index < words.length; index++) {
    if ("{([".includes(words[index]!)) depth++;
    if ("})]".includes(words[index]!) && --depth === 0) return index;
  }
  throw new SyntaxError(`No closing bracket: ${words.slice(open).join(" ")}`);
}

/** Splits at separators outside of brackets. */
function split(words: readonly string[], separator: string): string[][] {
  const parts: string[][] = [[]];
  let depth = 0;
  for (const word of words) {
    if (word === separator && depth === 0) {
      parts.push([]);
      continue;
    }
    if ("{([".includes(word)) depth++;
    if ("})]".includes(word)) depth--;
    parts.at(-1)!.push(word);
  }
  return parts;
}
