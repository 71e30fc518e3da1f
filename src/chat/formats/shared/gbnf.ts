import { ShimmyError } from "../../../errors.ts";

/** A text as a GBNF literal. */
export function quoted(text: string): string {
  const escaped = text.replace(/[\\"]/g, "\\$&").replace(/\n/g, "\\n").replace(/\r/g, "\\r")
    .replace(/\t/g, "\\t");
  return `"${escaped}"`;
}

/** Expressions of which one holds. */
export function anyOf(expressions: readonly string[]): string {
  return expressions.length === 1 ? expressions[0]! : `( ${expressions.join(" | ")} )`;
}

/**
 * An expression for members in their order, commas between them; those that are not needed may be
 * left out.
 */
export function membersRule(
  members: readonly { readonly rule: string; readonly needed: boolean }[],
  comma = ",",
): string {
  const separator = quoted(comma);
  // What comes when a member was written before, and when none was.
  let following = "";
  let first = "";
  for (const { rule, needed } of members.toReversed()) {
    const written = `${rule} ${following}`.trim();
    first = needed ? written : first === "" ? `( ${written} )?` : `( ${written} | ${first} )`;
    following = needed ? `${separator} ${written}` : `( ${separator} ${rule} )? ${following}`;
  }
  return first;
}

/** What makes rules of JSON Schemas and keeps all rules apart: the grammar room's builder. */
export interface RuleBuilder {
  addSchema(schema: unknown, hint?: string): string;
  addJsonObject(): string;
  addRule(name: string, body: string): void;
  toString(): string;
}

/** Rules of a grammar for an answer that is put together piece by piece. */
export class GrammarRules {
  readonly #builder: RuleBuilder;
  readonly #untils = new Map<string, string>();
  #parts = 0;

  constructor(builder: RuleBuilder) {
    this.#builder = builder;
  }

  /** Adds a rule; returns its name, which is `chat-` and the one given. */
  add(name: string, expression: string): string {
    this.#builder.addRule(`chat-${name}`, expression);
    return `chat-${name}`;
  }

  /**
   * The name of a rule for JSON that a schema accepts.
   * @throws {ShimmyError} `invalid`, where no grammar can be made of it.
   */
  schema(schema: unknown): string {
    return this.#builder.addSchema(schema);
  }

  /**
   * The name of a rule for the arguments of a tool, or for one of them. A schema that no grammar can be
   * made of does not keep a tool from being called; only its JSON type is held to then.
   */
  argument(schema: unknown): string {
    try {
      return this.#builder.addSchema(schema, "argument");
    } catch (error) {
      if (!(error instanceof ShimmyError)) throw error;
      const { type } = Object(schema) as { type?: unknown };
      return type === "object"
        ? this.#builder.addJsonObject()
        : this.#builder.addSchema({}, "argument");
    }
  }

  /** The name of a rule for any JSON object. */
  jsonObject(): string {
    return this.#builder.addJsonObject();
  }

  /** Takes in a whole grammar; returns the name of what was its start symbol. */
  part(source: string): string {
    const prefix = `chat-part-${this.#parts++}`;
    for (const [name, body] of rulesOf(source)) {
      this.#builder.addRule(`${prefix}-${name}`, withPrefix(body, prefix));
    }
    return `${prefix}-root`;
  }

  /** The name of a rule for any text in which `stop` does not occur. */
  until(stop: string): string {
    let name = this.#untils.get(stop);
    if (name === undefined) {
      this.#untils.set(stop, name = `chat-until-${this.#untils.size}`);
      for (const [rule, body] of anyTextUntil(name, stop)) this.#builder.addRule(rule, body);
    }
    return name;
  }

  /** The grammar whose start symbol is the expression. */
  print(root: string): string {
    this.#builder.addRule("root", root);
    return this.#builder.toString();
  }
}

/**
 * The GBNF rules of any text in which `stop` does not occur, so that `name` followed by the stop ends
 * at its first occurrence.
 *
 * One rule for each length of the part of the stop that has just been read, as in the automaton of
 * Knuth, Morris and Pratt.
 */
export function anyTextUntil(name: string, stop: string): [name: string, body: string][] {
  const characters = Array.from(stop);
  const alphabet = [...new Set(characters)];
  return characters.map((_, state) => {
    const branches = alphabet.flatMap((character) => {
      const next = nextState(characters, state, character);
      if (next === characters.length || next === 0) return [];
      return [`${quoted(character)} ${ruleName(name, next)}`];
    });
    const followed = alphabet.filter((character) => nextState(characters, state, character) > 0);
    const others = followed.map(inClass).join("");
    const alternatives = [`[^${others}] ${ruleName(name, 0)}`, ...branches, '""'];
    return [ruleName(name, state), alternatives.join(" | ")];
  });
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

/** Literals, character classes, comments, token references, repetitions and names, in this order. */
const LEXEMES =
  /"(?:\\.|[^"\\])*"|\[(?:\\.|[^\]\\])*\]|#[^\n]*|!?<\[?[^>]*>|\{[^}]*\}|[A-Za-z0-9][A-Za-z0-9-]*(\s*::=)?/g;

/** The rules of a grammar; a body may go on over several lines. */
function rulesOf(source: string): [name: string, body: string][] {
  const heads = [...source.matchAll(LEXEMES)].filter((match) => match[1] !== undefined);
  return heads.map((head, index) => {
    const name = head[0].replace(/\s*::=$/, "");
    const body = source.slice(head.index + head[0].length, heads[index + 1]?.index);
    // Comments would swallow what follows when lines are joined.
    return [
      name,
      body.replace(LEXEMES, (text) => text.startsWith("#") ? "" : text).replace(/\s+$/, "").trim(),
    ];
  });
}

function withPrefix(body: string, prefix: string): string {
  return body.replace(LEXEMES, (text) => /^[A-Za-z0-9]/.test(text) ? `${prefix}-${text}` : text);
}
