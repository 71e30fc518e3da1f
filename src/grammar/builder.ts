import { ShimmyError } from "../errors.ts";
import { Compiler, SchemaDocument } from "./schema/mod.ts";
import { type Expr, MAX_GRAMMAR_LENGTH, MAX_RULES } from "./expression/mod.ts";
import { JSON_RULES, print, Rules } from "./rules/mod.ts";

export interface GrammarOptions {
  /** No whitespace between the parts of JSON. By default there may be one space or an indented line. */
  readonly compact?: boolean;
  /** What errors call the schema: the request's field. Default `json_schema`. */
  readonly field?: string;
}

/**
 * A GBNF grammar under construction: rules written by hand beside rules that stand for schemas.
 *
 * @example
 * ```ts
 * const grammar = new GrammarBuilder();
 * const args = grammar.addSchema({ type: "object", properties: { city: { type: "string" } } });
 * grammar.addRule("root", `${literal("<tool_call>")} ${args} ${literal("</tool_call>")}`);
 * grammar.toString();
 * ```
 */
export class GrammarBuilder {
  readonly #bodies = new Map<string, string>();
  readonly #compact: boolean;
  readonly #field: string;
  #cost = 0;
  #length = 0;

  constructor({ compact = false, field = "json_schema" }: GrammarOptions = {}) {
    this.#compact = compact;
    this.#field = field;
  }

  /**
   * Adds the rules of a JSON Schema (draft 2020-12) and returns the name of the one that stands for
   * its values, which may be used in the bodies of other rules.
   *
   * Every text of that rule is JSON that validates. The grammar is narrower than the schema where
   * that keeps models on course: properties come in the schema's order; objects and tuples that list
   * their members and are silent on others hold no others; digits, indentation and repetitions are
   * bounded; formats are those parts of their specifications that are written in practice.
   *
   * @param hint What the rules' names begin with.
   * @throws {ShimmyError} `invalid`, naming the keyword and a JSON pointer to it, if the schema is
   * malformed, if no value is right by it, or if a grammar cannot hold it.
   */
  addSchema(schema: unknown, hint = "value"): string {
    const rules = this.#rules();
    const document = new SchemaDocument(schema, this.#field);
    const name = new Compiler(document, rules).compile(hint);
    return this.#take(rules, name, "no value is right by the schema");
  }

  /** Adds the rules of any JSON object and returns the name of the one that stands for it. */
  addJsonObject(): string {
    return this.#take(this.#rules(), "json-object", "");
  }

  /**
   * Adds a rule written by hand in GBNF.
   *
   * @throws {TypeError} if the name is taken or is not made of letters, digits and dashes.
   */
  addRule(name: string, body: string): void {
    if (!/^[a-zA-Z0-9-]+$/.test(name)) throw new TypeError(`Cannot name a rule "${name}"`);
    if (this.#bodies.has(name) || isJsonRule(name)) {
      throw new TypeError(`Cannot add rule "${name}": the name is taken`);
    }
    this.#bodies.set(name, body);
  }

  /** The grammar, a rule a line, `root` first where there is one. */
  toString(): string {
    const names = [...this.#bodies.keys()];
    const ordered = [
      ...names.filter((name) => name === "root"),
      ...names.filter((name) => name !== "root"),
    ];
    return ordered.map((name) => `${name} ::= ${this.#bodies.get(name)}\n`).join("");
  }

  #rules(): Rules {
    const rules = new Rules((name) =>
      name === "root" || this.#bodies.has(name) || isJsonRule(name)
    );
    for (const [name, body] of Object.entries(JSON_RULES)) rules.define(name, body(this.#compact));
    return rules;
  }

  #take(rules: Rules, root: string, otherwise: string): string {
    const finished = rules.finish(root);
    if (finished === null) throw this.#invalid(otherwise);
    for (const [name, body] of finished) {
      if (this.#bodies.has(name)) continue;
      const printed = print(body);
      this.#cost += cost(body);
      this.#length += printed.length;
      if (this.#cost > MAX_RULES) {
        throw this.#invalid(`the schema needs more than ${MAX_RULES} rules of a grammar`);
      }
      if (this.#length > MAX_GRAMMAR_LENGTH) {
        throw this.#invalid(`the schema's grammar is longer than ${MAX_GRAMMAR_LENGTH} characters`);
      }
      this.#bodies.set(name, printed);
    }
    return root;
  }

  #invalid(what: string): ShimmyError {
    return new ShimmyError("invalid", `${this.#field}: ${what}`, { field: this.#field });
  }
}

function isJsonRule(name: string): boolean {
  return Object.hasOwn(JSON_RULES, name);
}

/** Rules that llama.cpp's parser makes of a body, where optional repetitions are one each. */
function cost(expr: Expr): number {
  switch (expr.kind) {
    case "seq":
    case "alt":
      return expr.items.reduce((sum, item) => sum + cost(item), 1);
    case "repeat": {
      const copies = Math.max(1, expr.min) + (expr.max === Infinity ? 1 : expr.max - expr.min);
      return cost(expr.item) + copies;
    }
    default:
      return 1;
  }
}
