import type { Alternative } from "./alternatives.ts";
import { arrayShape, itemSchemas } from "./arrays.ts";
import { type Conjunct, conjunct } from "./conjunct.ts";
import { Context } from "./context.ts";
import { excludes } from "./disjoint.ts";
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
import { fitsNodes } from "./fits.ts";
import { bracketed, COLON, COMMA, members, type Rules, type Slot } from "../rules/mod.ts";
import type { TypeName } from "./keywords.ts";
import { nameClasses, objectShape, propertySchemas } from "./objects.ts";
import { accepts } from "../regex/mod.ts";
import { numberExpr } from "./number_ranges.ts";
import type { Schema, SchemaDocument, SchemaNode } from "./schema.ts";
import { automatonString, stringExpr } from "./strings.ts";

/** Turns one schema into rules. Schemas that mean the same share a rule, which is how recursion ends. */
export class Compiler {
  readonly #context: Context;
  readonly #names = new Map<string, string>();
  readonly #pending: (() => void)[] = [];

  constructor(readonly document: SchemaDocument, readonly rules: Rules) {
    this.#context = new Context(document);
  }

  /** Compiles the whole document; returns the name of its rule. */
  compile(hint: string): string {
    const name = this.rules.reserve(hint);
    this.rules.define(name, this.#ruleOf([this.document.root], hint));
    for (let work = this.#pending.shift(); work !== undefined; work = this.#pending.shift()) work();
    return name;
  }

  /** What stands for the values that keep to all of the schemas. */
  #ruleOf(schemas: readonly Schema[], hint: string): Expr {
    const ways = this.#context.alternatives.of(schemas);
    if (ways.length === 0) return NOTHING;
    const key = ways.map((way) => this.#context.alternatives.keyOf(way)).sort().join("|");
    const known = this.#names.get(key);
    if (known !== undefined) return ref(known);
    const name = this.rules.reserve(hint);
    this.#names.set(key, name);
    this.#pending.push(() => {
      this.rules.define(name, alt(...ways.map((way) => this.#alternative(way, name))));
    });
    return ref(name);
  }

  #alternative(way: Alternative, hint: string): Expr {
    if (way.nodes.length === 0 && way.unless.length === 0) return ref("json-value");
    const merged = conjunct(this.#context, way.nodes);
    const right = (value: unknown) =>
      fitsNodes(this.#context, way.nodes, value) &&
      !way.unless.some((other) => fitsNodes(this.#context, other.nodes, value));
    if (merged.values !== null) return listed(merged.values.filter(right));
    return alt(...[...merged.meant].map((type) => {
      if (type === "null") return listed([null].filter(right));
      if (type === "boolean") return listed([true, false].filter(right));
      this.#checkExclusions(way, type);
      return this.#typed(merged, type, hint);
    }));
  }

  #checkExclusions(way: Alternative, type: TypeName): void {
    const overlap = way.unless.find(({ nodes }) =>
      !excludes(this.#context, way.nodes, nodes, type)
    );
    if (overlap === undefined) return;
    throw this.document.refuse(
      overlap.holder,
      "oneOf",
      `two of its branches may take the same ${type}; tell them apart by a required property ` +
        "with a constant, or use anyOf",
    );
  }

  #typed(merged: Conjunct, type: TypeName, hint: string): Expr {
    switch (type) {
      case "string":
        return stringExpr(this.#context, this.rules, merged.nodes, hint);
      case "number":
      case "integer":
        return numberExpr(this.#context, this.rules, merged, hint);
      case "array":
        return this.#array(merged.nodes, hint);
      case "object":
        return this.#object(merged.nodes, hint);
      case "null":
      case "boolean":
        throw new TypeError(`${type} has no rule: its values are listed`);
    }
  }

  #array(nodes: readonly SchemaNode[], hint: string): Expr {
    const { min, max, prefix, open, unique } = arrayShape(this.#context, nodes);
    if (min > max) return NOTHING;
    if (unique !== undefined && max > 1) {
      throw this.document.refuse(
        unique,
        "uniqueItems",
        "a grammar does not remember earlier items",
      );
    }
    const item = (index: number) =>
      this.#ruleOf(
        itemSchemas(this.#context, nodes, index),
        index < prefix ? `${hint}-${index}` : `${hint}-item`,
      );
    // Items at the front have a place each; the others are alike. Built from the end.
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
    const slots = shape.names.map((name): Slot => {
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
    const list = members(this.rules, slots, extra, shape, hint);
    if (list === null) {
      const node = nodes.find((one) => "minProperties" in one || "maxProperties" in one)!;
      const keyword = "minProperties" in node ? "minProperties" : "maxProperties";
      throw this.document.refuse(
        node,
        keyword,
        "a grammar counts declared properties and one more, and not too many at once",
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
