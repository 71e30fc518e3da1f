import { ShimmyError } from "../../../errors.ts";
import type { Tool } from "../../conversation/mod.ts";
import { standalone } from "./arguments_schema.ts";

/** A text as GBNF literal. */
export function quoted(text: string): string {
  const escaped = text.replace(/[\\"]/g, "\\$&").replace(/\n/g, "\\n").replace(/\r/g, "\\r")
    .replace(/\t/g, "\\t");
  return `"${escaped}"`;
}

/** A choice of expressions. */
export function anyOf(expressions: readonly string[]): string {
  return expressions.length === 1 ? expressions[0]! : `( ${expressions.join(" | ")} )`;
}

/**
 * Expression for members in order, separated by commas. Members that are not required may be
 * omitted.
 */
export function membersRule(
  members: readonly { readonly rule: string; readonly required: boolean }[],
  comma = ",",
): string {
  const separator = quoted(comma);
  // The remaining members after a written member, and without one.
  let following = "";
  let first = "";
  for (const { rule, required } of members.toReversed()) {
    const written = `${rule} ${following}`.trim();
    first = required ? written : first === "" ? `( ${written} )?` : `( ${written} | ${first} )`;
    following = required ? `${separator} ${written}` : `( ${separator} ${rule} )? ${following}`;
  }
  return first;
}

/** Builds rules from JSON Schemas with unique names: the grammar room's builder. */
export interface RuleBuilder {
  addSchema(schema: unknown, hint?: string, field?: string, isStrict?: boolean): string;
  addRelaxedSchema(schema: unknown, hint: string, field: string): string;
  readonly notices: readonly string[];
  addPattern(pattern: string, hint?: string, field?: string): string;
  addText(schema: unknown, stop: string, hint: string, field: string, strict: boolean): string;
  addJsonObject(): string;
  addJsonValue(): string;
  addRule(name: string, body: string): void;
  toString(): string;
}

/** Length of an expression that gets no rule of its own. */
const MAX_REPEATED_LENGTH = 80;

/** Each counted character of a text needs a rule for each character of its stop. */
const MAX_COUNTED_TEXT = 64;

/** True for a bound of the length that is not counted. */
function isLong(schema: unknown): schema is { readonly maxLength: number } {
  const { maxLength } = Object(schema) as { maxLength?: unknown };
  return typeof maxLength === "number" && maxLength > MAX_COUNTED_TEXT;
}

/** Leaves out what does not change the strings of a schema. */
function withoutAnnotations(key: string, value: unknown): unknown {
  return ["title", "description", "default", "examples"].includes(key) ? undefined : value;
}

/** True if a schema restricts strings in no way. */
function isAnyText(schema: unknown): boolean {
  return typeof schema === "object" && schema !== null &&
    !["const", "enum", "pattern", "minLength", "maxLength", "format", "$ref", "allOf", "anyOf"]
      .concat("oneOf", "not", "if").some((key) => key in schema);
}

/** True if a schema says nothing about the type of its values. */
function isUntyped(schema: Tool["parameters"]): boolean {
  return !["type", "$ref", "anyOf", "oneOf", "allOf"].some((key) => key in schema);
}

/** Rules of an answer's grammar. */
export class GrammarRules {
  readonly #builder: RuleBuilder;
  readonly #untilRules = new Map<string, string>();
  readonly #parts = new Map<string, string>();
  readonly #made = new Map<object, string>();
  /** Rules of arguments by the tool's name and the schemas, which references can repeat. */
  readonly #argumentRules = new Map<string, string>();
  /** Rules of texts by their schema, which many arguments share. */
  readonly #textRules = new Map<string, string>();
  readonly #notices = new Set<string>();
  #embedded = 0;

  constructor(builder: RuleBuilder) {
    this.#builder = builder;
  }

  /** Adds a rule. Returns its name with the prefix `chat-`. */
  add(name: string, expression: string): string {
    this.#builder.addRule(`chat-${name}`, expression);
    return `chat-${name}`;
  }

  /**
   * Name of a rule for JSON that is valid for a schema.
   *
   * @throws {ShimmyError} `invalid` if a grammar cannot express the schema.
   */
  schema(schema: unknown, field?: string): string {
    return this.#builder.addSchema(schema, "value", field);
  }

  /**
   * Name of a rule for texts that match a regular expression completely.
   *
   * @throws {ShimmyError} `invalid` if a grammar cannot express the expression.
   */
  pattern(pattern: string, field: string): string {
    return this.#builder.addPattern(pattern, "text", field);
  }

  /** Sentences about parts of the schemas that the grammar does not enforce. */
  get notices(): readonly string[] {
    return [...this.#builder.notices, ...this.#notices];
  }

  /** A name for a long expression that is written several times; a short expression itself. */
  part(expression: string): string {
    if (expression.length <= MAX_REPEATED_LENGTH) return expression;
    let name = this.#parts.get(expression);
    if (name === undefined) {
      name = this.add(`value-${this.#parts.size}`, expression);
      this.#parts.set(expression, name);
    }
    return name;
  }

  /**
   * Name of the rule for a schema, which `make` writes once. The rule may refer to itself after a
   * text of its own.
   */
  once(schema: object, make: () => string): string {
    let name = this.#made.get(schema);
    if (name === undefined) {
      name = `object-${this.#made.size}`;
      this.#made.set(schema, name);
      this.add(name, make());
    }
    return `chat-${name}`;
  }

  /** Reports a part of a tool's schema that a format does not enforce. */
  note({ name, field = `tools '${name}'` }: Tool, what: string): void {
    this.#notices.add(`${field}: ${what}`);
  }

  /**
   * Name of a rule for a tool's arguments in JSON. Keywords that a grammar cannot express are
   * reported as notices.
   *
   * @throws {ShimmyError} `invalid` if the tool is strict and a grammar cannot express its schema.
   */
  arguments({ name, parameters, strict, field = `tools '${name}'` }: Tool): string {
    const schema = isUntyped(parameters) ? { type: "object", ...parameters } : parameters;
    return this.#constrained(schema, field, strict) ?? this.#builder.addJsonObject();
  }

  /** Like {@linkcode arguments}, for one of the arguments, with all of its schemas. */
  argument(tool: Tool, schemas: readonly unknown[]): string {
    const { name, strict, field = `tools '${name}'` } = tool;
    const key = JSON.stringify([name, schemas]);
    const rule = this.#argumentRules.get(key) ??
      this.#constrained(standalone(tool, schemas), field, strict) ?? this.#builder.addJsonValue();
    this.#argumentRules.set(key, rule);
    return rule;
  }

  /** Name of a rule for an argument as text without quotation marks and without `stop`. */
  text(tool: Tool, schemas: readonly unknown[], stop: string): string {
    if (schemas.every(isAnyText)) return this.until(stop);
    const schema = standalone(tool, schemas);
    const key = JSON.stringify([tool.strict, stop, schema], withoutAnnotations);
    const rule = this.#textRules.get(key) ?? this.#newText(tool, schema, stop);
    this.#textRules.set(key, rule);
    return rule;
  }

  #newText(tool: Tool, schema: unknown, stop: string): string {
    const { name, strict = false, field = `tools '${name}'` } = tool;
    if (!strict && isLong(schema)) {
      const { maxLength: _, ...rest } = schema;
      this.#notices.add(
        `${field}: maxLength of an argument without quotation marks is enforced up to ` +
          `${MAX_COUNTED_TEXT} characters only`,
      );
      return this.text(tool, [rest], stop);
    }
    const add = () => this.#builder.addText(schema, stop, "text", field, strict);
    return this.#kept(add, strict) ?? this.until(stop);
  }

  /** Name of a rule for a schema; null if no part of it can be expressed. */
  #constrained(schema: unknown, field: string, strict = false): string | null {
    return this.#kept(
      () =>
        strict
          ? this.#builder.addSchema(schema, "argument", field, true)
          : this.#builder.addRelaxedSchema(schema, "argument", field),
      strict,
    );
  }

  /** The rule that `add` returns; null with a notice if it fails and the tool is not strict. */
  #kept(add: () => string, strict: boolean): string | null {
    try {
      return add();
    } catch (error) {
      if (!(error instanceof ShimmyError) || strict) throw error;
      this.#notices.add(`${error.message}; the schema is not enforced`);
      return null;
    }
  }

  /** Name of a rule for any JSON object. */
  jsonObject(): string {
    return this.#builder.addJsonObject();
  }

  /** Embeds a grammar. Returns the name of its start symbol. */
  embed(source: string): string {
    const prefix = `chat-part-${this.#embedded++}`;
    for (const [name, body] of rulesOf(source)) {
      this.#builder.addRule(`${prefix}-${name}`, withPrefix(body, prefix));
    }
    return `${prefix}-root`;
  }

  /** Name of a rule for any text without `stop`. */
  until(stop: string): string {
    let name = this.#untilRules.get(stop);
    if (name === undefined) {
      this.#untilRules.set(stop, name = `chat-until-${this.#untilRules.size}`);
      for (const [rule, body] of anyTextUntil(name, stop)) this.#builder.addRule(rule, body);
    }
    return name;
  }

  /** The grammar with the expression as start symbol. */
  print(root: string): string {
    this.#builder.addRule("root", root);
    return this.#builder.toString();
  }
}

/**
 * The GBNF rules of any text without `stop`, so that `name` followed by the stop ends at its first
 * occurrence.
 *
 * There is one rule per length of the matched prefix of the stop, as in the Knuth-Morris-Pratt
 * automaton.
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

/**
 * Length of the matched prefix of the stop after `character` follows a match of length `state`.
 */
function nextState(stop: readonly string[], state: number, character: string): number {
  const read = [...stop.slice(0, state), character].join("");
  for (let length = state + 1; length > 0; length--) {
    if (read.endsWith(stop.slice(0, length).join(""))) return length;
  }
  return 0;
}

function inClass(character: string): string {
  // GBNF can escape a circumflex only by its code.
  if (character === "^") return "\\x5E";
  return /[\\\][-]/.test(character) ? `\\${character}` : JSON.stringify(character).slice(1, -1);
}

/**
 * Literals, character classes, comments, token references, repetitions and names, in this order.
 */
const LEXEMES =
  /"(?:\\.|[^"\\])*"|\[(?:\\.|[^\]\\])*\]|#[^\n]*|!?<\[?[^>]*>|\{[^}]*\}|[A-Za-z0-9][A-Za-z0-9-]*(\s*::=)?/g;

/** The rules of a grammar. A body may span several lines. */
function rulesOf(source: string): [name: string, body: string][] {
  const heads = [...source.matchAll(LEXEMES)].filter((match) => match[1] !== undefined);
  return heads.map((head, index) => {
    const name = head[0].replace(/\s*::=$/, "");
    const body = source.slice(head.index + head[0].length, heads[index + 1]?.index);
    // Removes comments, because they would include the following text when lines are joined.
    return [
      name,
      body.replace(LEXEMES, (text) => text.startsWith("#") ? "" : text).trim(),
    ];
  });
}

function withPrefix(body: string, prefix: string): string {
  return body.replace(LEXEMES, (text) => /^[A-Za-z0-9]/.test(text) ? `${prefix}-${text}` : text);
}
