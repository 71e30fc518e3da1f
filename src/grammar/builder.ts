import { ShimmyError } from "../errors.ts";
import { compileRelaxed, SchemaDocument } from "./document/mod.ts";
import {
  BudgetError,
  chars,
  type Expr,
  MAX_COMPILE_HEAP,
  MAX_COMPILE_MILLISECONDS,
  MAX_COMPILE_STEPS,
  MAX_GRAMMAR_LENGTH,
  MAX_RULES,
  withBudget,
} from "./expression/mod.ts";
import { parsePattern, PatternError, wholeAutomaton } from "./regex/mod.ts";
import { automatonExpr, Compiler, textExpr } from "./schema/mod.ts";
import { isSharedString, JSON_RULES, print, Rules } from "./rules/mod.ts";

export interface GrammarOptions {
  /**
   * No whitespace between the parts of JSON. By default, one space or one indented line is allowed.
   */
  readonly compact?: boolean;
  /**
   * Name of the schema in errors: the field of the request.
   * @default {"json_schema"}
   */
  readonly field?: string;
}

/**
 * Builds a GBNF grammar from handwritten rules and rules compiled from schemas.
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
  readonly #notices = new Set<string>();
  #cost = 0;
  #length = 0;

  constructor({ compact = false, field = "json_schema" }: GrammarOptions = {}) {
    this.#compact = compact;
    this.#field = field;
  }

  /**
   * Adds the rules of a JSON Schema (drafts 4 to 2020-12). Returns the name of the rule for its values,
   * which the bodies of other rules may use.
   *
   * Every text of that rule is JSON that validates against the schema. The grammar is narrower than
   * the schema in some points that guide models: properties are in schema order; objects and tuples
   * that list their members and do not mention others have no other members; digits, indentation
   * and repetitions are bounded; formats allow the common part of their specifications; values for
   * which a grammar cannot tell that `not` or another branch of `oneOf` does not match are left
   * out. Keywords and formats that JSON Schema does not define are ignored with a notice.
   *
   * @param hint Prefix of the rule names.
   * @throws {ShimmyError} `invalid` with the keyword and a JSON pointer, if the schema is
   * malformed, if no value is valid, or if a grammar cannot express it.
   * @param field Name of the schema in errors, if the builder has several schemas.
   * @param isStrict Refuse formats that are not known, instead of ignoring them.
   */
  addSchema(schema: unknown, hint = "value", field = this.#field, isStrict = false): string {
    return this.#compile(new SchemaDocument(schema, field, isStrict), hint);
  }

  /**
   * Like {@linkcode addSchema}, but keywords that a grammar cannot express are left out and
   * reported in {@linkcode notices}.
   *
   * @returns The name of the rule.
   */
  addRelaxedSchema(schema: unknown, hint: string, field: string): string {
    // All attempts share one budget.
    const { value: rule, notices } = bounded(
      field,
      () => compileRelaxed(schema, field, (document) => this.#compile(document, hint)),
    );
    for (const notice of notices) this.#notices.add(notice);
    return rule;
  }

  /** Sentences about parts of the schemas that have no effect. */
  get notices(): readonly string[] {
    return [...this.#notices];
  }

  /**
   * Adds the rules of the texts that match an ECMA-262 regular expression completely. Returns the
   * name of the rule.
   *
   * @throws {ShimmyError} `invalid` if no text matches or a grammar cannot express the expression.
   */
  addPattern(pattern: string, hint = "text", field = this.#field): string {
    return bounded(field, () => {
      const rules = this.#rules();
      const name = rules.reserve(hint);
      try {
        const dfa = wholeAutomaton(parsePattern(pattern));
        rules.define(name, automatonExpr(rules, dfa, hint, chars));
      } catch (error) {
        if (!(error instanceof PatternError)) throw error;
        throw invalid(field, `the expression cannot be expressed: ${error.message}`);
      }
      return this.#addRules(rules, name, "no text matches the expression", field);
    });
  }

  /**
   * Adds the rules of the strings of a schema as text without quotation marks and without `stop`.
   * Returns the name of the rule.
   *
   * @param strict Refuse keywords that cannot be expressed. Otherwise they are left out.
   * @throws {ShimmyError} `invalid` with the keyword, or if the schema has no strings.
   */
  addText(schema: unknown, stop: string, hint: string, field: string, strict: boolean): string {
    const compile = (document: SchemaDocument) => {
      const rules = this.#rules();
      const name = rules.reserve(hint);
      rules.define(name, textExpr(document, rules, stop, hint));
      return this.#addRules(rules, name, "no string is valid for the schema", field);
    };
    if (strict) return bounded(field, () => compile(new SchemaDocument(schema, field, true)));
    const { value: rule, notices } = bounded(
      field,
      () => compileRelaxed(schema, field, compile),
    );
    for (const notice of notices) this.#notices.add(notice);
    return rule;
  }

  /** Adds the rules of any JSON object. Returns the name of its rule. */
  addJsonObject(): string {
    return this.#addJson("json-object");
  }

  /** Adds the rules of any JSON value. Returns the name of its rule. */
  addJsonValue(): string {
    return this.#addJson("json-value");
  }

  /**
   * Adds a handwritten GBNF rule.
   *
   * @throws {TypeError} If the name exists already, or has other characters than letters, digits
   * and dashes.
   */
  addRule(name: string, body: string): void {
    if (!/^[a-zA-Z0-9-]+$/.test(name)) throw new TypeError(`Cannot name a rule "${name}"`);
    if (this.#bodies.has(name) || isJsonRule(name)) {
      throw new TypeError(`Cannot add rule "${name}": the name is taken`);
    }
    this.#bodies.set(name, body);
  }

  /** The grammar with one rule per line, `root` first if it exists. */
  toString(): string {
    const names = [...this.#bodies.keys()];
    const ordered = [
      ...names.filter((name) => name === "root"),
      ...names.filter((name) => name !== "root"),
    ];
    return ordered.map((name) => `${name} ::= ${this.#bodies.get(name)}\n`).join("");
  }

  #compile(document: SchemaDocument, hint: string): string {
    const name = bounded(document.field, () => {
      const rules = this.#rules();
      const root = new Compiler(document, rules).compile(hint);
      return this.#addRules(rules, root, "no value is valid for the schema", document.field);
    });
    for (const notice of document.notices) this.#notices.add(notice);
    return name;
  }

  #rules(): Rules {
    const rules = new Rules(
      (name) => name === "root" || this.#bodies.has(name) || isJsonRule(name),
      (name) => this.#bodies.has(name),
    );
    for (const [name, body] of Object.entries(JSON_RULES)) rules.define(name, body(this.#compact));
    return rules;
  }

  /** Adds a rule of JSON itself. These rules are few, so they are not limited. */
  #addJson(root: string): string {
    for (const [name, body] of this.#rules().finish(root)!) {
      if (!this.#bodies.has(name)) this.#bodies.set(name, print(body));
    }
    return root;
  }

  /** Adds all rules that `root` needs, or none if they exceed the limits. */
  #addRules(rules: Rules, root: string, emptyMessage: string, field = this.#field): string {
    const finished = rules.finish(root);
    if (finished === null) throw invalid(field, emptyMessage);
    const added = new Map<string, string>();
    let [rulesCost, length] = [this.#cost, this.#length];
    for (const [name, body] of finished) {
      if (this.#bodies.has(name)) continue;
      const printed = print(body);
      rulesCost += cost(body);
      length += printed.length;
      if (rulesCost > MAX_RULES) {
        throw invalid(field, `the schema needs more than ${MAX_RULES} grammar rules`);
      }
      if (length > MAX_GRAMMAR_LENGTH) {
        const what = `the schema's grammar is longer than ${MAX_GRAMMAR_LENGTH} characters`;
        throw invalid(field, what);
      }
      added.set(name, printed);
    }
    [this.#cost, this.#length] = [rulesCost, length];
    for (const [name, printed] of added) this.#bodies.set(name, printed);
    return root;
  }
}

function invalid(field: string, what: string): ShimmyError {
  return new ShimmyError("invalid", `${field}: ${what}`, { field });
}

/** The limits of one schema, and of all schemas and expressions of one grammar. */
const LIMITS = {
  steps: MAX_COMPILE_STEPS,
  milliseconds: MAX_COMPILE_MILLISECONDS,
  heapBytes: MAX_COMPILE_HEAP,
};

const SPENT = "the schema needs too much work; use fewer or simpler patterns";

/**
 * Builds a grammar of any number of schemas and expressions within one budget. The schemas of tools
 * for which the budget does not last are left out, as those that cannot be expressed are.
 *
 * @throws {ShimmyError} `invalid` if the budget or the stack does not last for the rest.
 */
export function withGrammarBudget<T>(build: () => T): T {
  try {
    return withBudget(LIMITS, SPENT, build);
  } catch (error) {
    if (!(error instanceof BudgetError || error instanceof RangeError)) throw error;
    throw new ShimmyError(
      "invalid",
      "The tools and formats of the request need too much work; use fewer or simpler ones",
      { cause: error },
    );
  }
}

/** Compiles within the budget of one schema. */
function bounded<T>(field: string, compile: () => T): T {
  try {
    return withBudget(LIMITS, SPENT, compile);
  } catch (error) {
    if (error instanceof BudgetError) throw invalid(field, error.message);
    // The stack is finite, and the compiler recurses for each property and level.
    if (error instanceof RangeError) {
      throw invalid(field, "the schema has too many properties or levels");
    }
    throw error;
  }
}

function isJsonRule(name: string): boolean {
  return Object.hasOwn(JSON_RULES, name) || isSharedString(name);
}

/**
 * Number of rules that llama.cpp's parser creates for a body. Each optional repetition is a rule.
 */
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
