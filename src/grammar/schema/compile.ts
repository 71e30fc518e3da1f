import type { Alternative } from "./combinators.ts";
import { arrayShape, itemSchemas } from "./arrays.ts";
import { type TypeConstraint, typeConstraint } from "./type_constraint.ts";
import { Context } from "./context.ts";
import { isDisjoint } from "./disjoint.ts";
import {
  alt,
  EMPTY,
  type Expr,
  NOTHING,
  optional,
  ref,
  repeat,
  seq,
  text,
} from "../expression/mod.ts";
import { satisfiesNodes } from "./validate.ts";
import {
  bracketed,
  COLON,
  COMMA,
  type ObjectMember,
  objectMembers,
  type Rules,
} from "../rules/mod.ts";
import type { TypeName } from "./keywords.ts";
import { nameClasses, objectShape, propertySchemas } from "./objects.ts";
import { accepts } from "../regex/mod.ts";
import { numberExpr } from "./number_ranges.ts";
import type { Schema, SchemaDocument, SchemaNode } from "./schema.ts";
import { automatonString, stringExpr } from "./strings.ts";

/** Compiles a schema to rules. Equivalent schemas share a rule, which terminates recursion. */
export class Compiler {
  readonly #context: Context;
  readonly #names = new Map<string, string>();
  readonly #pending: (() => void)[] = [];

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
      this.rules.define(
        name,
        alt(...alternatives.map((alternative) => this.#alternative(alternative, name))),
      );
    });
    return ref(name);
  }

  #alternative(alternative: Alternative, hint: string): Expr {
    if (alternative.nodes.length === 0 && alternative.excluded.length === 0) {
      return ref("json-value");
    }
    const constraint = typeConstraint(this.#context, alternative.nodes);
    const isAllowed = (value: unknown) =>
      satisfiesNodes(this.#context, alternative.nodes, value) &&
      !alternative.excluded.some((other) => satisfiesNodes(this.#context, other.nodes, value));
    if (constraint.values !== null) return listed(constraint.values.filter(isAllowed));
    return alt(...[...constraint.generatedTypes].map((type) => {
      if (type === "null") return listed([null].filter(isAllowed));
      if (type === "boolean") return listed([true, false].filter(isAllowed));
      this.#checkExclusions(alternative, type);
      return this.#typed(constraint, type, hint);
    }));
  }

  #checkExclusions(alternative: Alternative, type: TypeName): void {
    const overlap = alternative.excluded.find(({ nodes }) =>
      !isDisjoint(this.#context, alternative.nodes, nodes, type)
    );
    if (overlap === undefined) return;
    throw this.document.unsupported(
      overlap.holder,
      "oneOf",
      `two branches may match the same ${type}; distinguish them by a required property ` +
        "with a constant, or use anyOf",
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
        return this.#array(constraint.nodes, hint);
      case "object":
        return this.#object(constraint.nodes, hint);
      case "null":
      case "boolean":
        throw new TypeError(`${type} has no rule: its values are listed`);
    }
  }

  #array(nodes: readonly SchemaNode[], hint: string): Expr {
    const { min, max, prefix, open, unique } = arrayShape(this.#context, nodes);
    if (min > max) return NOTHING;
    if (unique !== undefined && max > 1) {
      throw this.document.unsupported(
        unique,
        "uniqueItems",
        "a grammar cannot compare items",
      );
    }
    const item = (index: number) =>
      this.#ruleOf(
        itemSchemas(this.#context, nodes, index),
        index < prefix ? `${hint}-${index}` : `${hint}-item`,
      );
    // Leading items have their own positions, further items are alike. Built from the end.
    const front = Math.max(prefix, 1);
    let rest: Expr = open && max > front
      ? repeat(seq(COMMA, item(front)), Math.max(0, min - front), max - front)
      : EMPTY;
    for (let index = front - 1; index >= 0; index--) {
      const first = index === 0 ? item(0) : seq(COMMA, item(index));
      const more = index < max ? seq(first, rest) : NOTHING;
      rest = index < min ? more : optional(more);
    }
    return bracketed("[]", rest);
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
      const node = nodes.find((one) => "minProperties" in one || "maxProperties" in one)!;
      const keyword = "minProperties" in node ? "minProperties" : "maxProperties";
      throw this.document.unsupported(
        node,
        keyword,
        "a grammar can count only the declared properties and one more, up to a limit",
      );
    }
    return bracketed("{}", list);
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
