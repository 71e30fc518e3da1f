import type { ShimmyError } from "../../errors.ts";
import type { Alternative, Exclusion } from "../expansion/mod.ts";
import { arrayExpr } from "./array_rules.ts";
import { type TypeConstraint, typeConstraint } from "./type_constraint.ts";
import { Context } from "./context.ts";
import { isDisjoint } from "./disjoint.ts";
import { withoutExclusions } from "./exclusions.ts";
import {
  alt,
  type Expr,
  isNothing,
  MAX_COUNTING_STATES,
  NOTHING,
  ref,
  seq,
  text,
} from "../expression/mod.ts";
import { isOfType, satisfies } from "./validate.ts";
import { bracketed, COLON, type ObjectMember, objectMembers, type Rules } from "../rules/mod.ts";
import type { Schema, SchemaDocument, SchemaNode, TypeName } from "../document/mod.ts";
import { nameClasses, objectShape, propertySchemas } from "./objects.ts";
import { accepts } from "../regex/mod.ts";
import { numberExpr } from "./number_ranges.ts";
import { automatonString, stringExpr, stringLanguage } from "./strings.ts";

/** Compiles a schema to rules. Equivalent schemas share a rule, which terminates recursion. */
export class Compiler {
  readonly #context: Context;
  readonly #names = new Map<string, string>();
  readonly #pending: (() => void)[] = [];
  /** Why an alternative of the current rule generates nothing. */
  #overlap: ShimmyError | null = null;

  constructor(readonly document: SchemaDocument, readonly rules: Rules) {
    this.#context = new Context(document);
  }

  /** Compiles the whole document. Returns the name of its rule. */
  compile(hint: string): string {
    const name = this.rules.reserve(hint);
    this.rules.define(name, this.#ruleOf([this.document.root], hint));
    for (let work = this.#pending.shift(); work !== undefined; work = this.#pending.shift()) work();
    return name;
  }

  /** The rule of the values that satisfy all of the schemas. */
  #ruleOf(schemas: readonly Schema[], hint: string): Expr {
    const alternatives = this.#context.combinators.expand(schemas);
    if (alternatives.length === 0) return NOTHING;
    const key = alternatives.map((alternative) =>
      this.#context.combinators.alternativeKey(alternative)
    ).sort().join("|");
    const known = this.#names.get(key);
    if (known !== undefined) return ref(known);
    const name = this.rules.reserve(hint);
    this.#names.set(key, name);
    this.#pending.push(() => {
      this.#overlap = null;
      const forms = alternatives.map((alternative) => this.#alternative(alternative, name));
      // A value that is never generated because of a limit is an error, even if it is optional.
      if (this.#overlap !== null && forms.every(isNothing)) throw this.#overlap;
      this.rules.define(name, alt(...forms));
    });
    return ref(name);
  }

  #alternative(alternative: Alternative, hint: string): Expr {
    if (alternative.nodes.length === 0 && alternative.excluded.length === 0) {
      return ref("json-value");
    }
    const constraint = typeConstraint(this.#context, alternative.nodes);
    const isAllowed = (value: unknown) => satisfies(this.#context, alternative, value);
    if (constraint.values !== null) return listed(constraint.values.filter(isAllowed));
    return alt(...[...constraint.generatedTypes].map((type) => {
      if (type === "null") return listed([null].filter(isAllowed));
      if (type === "boolean") return listed([true, false].filter(isAllowed));
      if (alternative.excluded.every((other) => this.#isDisjoint(alternative, other, type))) {
        return this.#typed(constraint, type, hint);
      }
      return this.#withExclusions(alternative, type, hint);
    }));
  }

  #isDisjoint(alternative: Alternative, other: Exclusion, type: TypeName): boolean {
    return isDisjoint(this.#context, alternative.nodes, other.nodes, type);
  }

  /** The values of a type that are valid for an alternative and not for its excluded schemas. */
  #withExclusions(alternative: Alternative, type: TypeName, hint: string): Expr {
    if (type === "string") {
      return automatonString(this.rules, stringLanguage(this.#context, alternative), hint);
    }
    const found = withoutExclusions(this.#context, alternative, type);
    if (found.length === 0) this.#noteOverlap(alternative, type);
    return alt(...found.map((nodes) => {
      const constraint = typeConstraint(this.#context, nodes);
      if (constraint.values === null) return this.#typed(constraint, type, hint);
      const isAllowed = (value: unknown) =>
        isOfType(value, type) && satisfies(this.#context, { nodes, excluded: [] }, value);
      return listed(constraint.values.filter(isAllowed));
    }));
  }

  /** Keeps the reason why an alternative generates nothing. */
  #noteOverlap(alternative: Alternative, type: TypeName): void {
    const overlap = alternative.excluded.find((other) =>
      !this.#isDisjoint(alternative, other, type)
    )!;
    this.#overlap ??= this.document.unsupported(
      overlap.holder,
      overlap.keyword,
      overlap.keyword === "oneOf"
        ? `two branches may match the same ${type}; distinguish them by a required property ` +
          "with a constant, or use anyOf"
        : `a grammar cannot tell which ${type} does not match`,
    );
  }

  #typed(constraint: TypeConstraint, type: TypeName, hint: string): Expr {
    switch (type) {
      case "string":
        return stringExpr(this.#context, this.rules, constraint.nodes, hint);
      case "number":
      case "integer":
        return numberExpr(this.#context, this.rules, constraint, hint);
      case "array":
        return arrayExpr(
          this.#context,
          this.rules,
          constraint.nodes,
          hint,
          (schemas, name) => this.#ruleOf(schemas, name),
        );
      case "object":
        return this.#object(constraint.nodes, hint);
      case "null":
      case "boolean":
        throw new TypeError(`${type} has no rule: its values are listed`);
    }
  }

  #object(nodes: readonly SchemaNode[], hint: string): Expr {
    const shape = objectShape(this.#context, nodes);
    const slots = shape.names.map((name): ObjectMember => {
      const required = shape.required.has(name);
      if (shape.allowed !== null && !accepts(shape.allowed, name)) {
        return { member: NOTHING, required };
      }
      const value = this.#ruleOf(
        propertySchemas(this.#context, nodes, name),
        `${hint}-${name}`,
      );
      return { member: seq(text(JSON.stringify(name)), COLON, value), required };
    });
    const extra = shape.open ? this.#extra(nodes, shape, hint) : NOTHING;
    const list = objectMembers(this.rules, slots, extra, shape, hint);
    if (list === null) {
      throw this.#uncountable(nodes, shape.names.length);
    }
    return bracketed("{}", list);
  }

  /** The error for an object whose properties need too many states. */
  #uncountable(nodes: readonly SchemaNode[], properties: number): ShimmyError {
    for (const keyword of ["minProperties", "maxProperties"]) {
      const node = nodes.find((one) => keyword in one);
      if (node === undefined) continue;
      const reason = "a grammar can count only the declared properties and one more, up to a limit";
      return this.document.unsupported(node, keyword, reason);
    }
    return this.document.unsupported(
      nodes.find((one) => "properties" in one) ?? nodes[0]!,
      "properties",
      `an object has ${properties} properties; at most ${MAX_COUNTING_STATES} are allowed`,
    );
  }

  /** A property that is not declared. */
  #extra(nodes: readonly SchemaNode[], shape: ReturnType<typeof objectShape>, hint: string): Expr {
    return alt(
      ...nameClasses(this.#context, nodes, shape).map(({ names, schemas }) => {
        const value = this.#ruleOf(schemas, `${hint}-value`);
        const key = names === null
          ? ref("json-string")
          : automatonString(this.rules, names, `${hint}-key`);
        return seq(key, COLON, value);
      }),
    );
  }
}

function listed(values: readonly unknown[]): Expr {
  const texts = [...new Set(values.map((value) => JSON.stringify(value)))];
  return alt(...texts.map((value) => text(value)));
}
