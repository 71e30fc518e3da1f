import { arrayShape, itemSchemas } from "./arrays.ts";
import type { Context } from "./context.ts";
import { schemasDisjoint } from "./disjoint.ts";
import {
  alt,
  EMPTY,
  type Expr,
  MAX_COUNTING_STATES,
  NOTHING,
  optional,
  ref,
  repeat,
  seq,
  text,
} from "../expression/mod.ts";
import { bracketed, COMMA, objectMembers, type Rules } from "../rules/mod.ts";
import type { Schema, SchemaNode } from "../document/mod.ts";
import { listedValues } from "./validate.ts";

/** Values of which every order is generated. More are generated in the order of their list. */
const MAX_PERMUTED = 6;
/** Length of an array whose items are counted, unless the schema requires more. */
const MAX_COUNTED_ITEMS = 64;

/** Compiles the schemas of an item to a rule. */
type ItemRule = (schemas: readonly Schema[], hint: string) => Expr;

/** The arrays that satisfy all nodes. */
export function arrayExpr(
  context: Context,
  rules: Rules,
  nodes: readonly SchemaNode[],
  hint: string,
  ruleOf: ItemRule,
): Expr {
  const { min, max, prefix, open, unique, contained } = arrayShape(context, nodes);
  if (min > max) return NOTHING;
  if (unique !== undefined && max > 1) return uniqueItems(context, rules, nodes, hint, ruleOf);
  const item = (index: number, more: readonly Schema[] = []) =>
    ruleOf(
      [...itemSchemas(context, nodes, index), ...more],
      index < prefix ? `${hint}-${index}` : `${hint}-item`,
    );
  if (contained.length > 0) return containing(context, rules, nodes, hint, item);
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

/** Arrays of listed values without repetition, and tuples whose items cannot be equal. */
function uniqueItems(
  context: Context,
  rules: Rules,
  nodes: readonly SchemaNode[],
  hint: string,
  ruleOf: ItemRule,
): Expr {
  const { min, max, prefix, unique, contained } = arrayShape(context, nodes);
  const schemas = (index: number) => itemSchemas(context, nodes, index);
  const refuse = () =>
    context.document.unsupported(
      unique!,
      "uniqueItems",
      "a grammar cannot compare items, unless enum lists them",
    );
  if (contained.length > 0) throw refuse();
  if (prefix > 0) {
    const indices = Array.from({ length: Math.min(prefix, max) }, (_, index) => index);
    const distinct = indices.every((a) =>
      indices.every((b) => a >= b || schemasDisjoint(context, schemas(a), schemas(b), 0))
    );
    if (min > prefix || !distinct) throw refuse();
    return bracketed(
      "[]",
      indices.reduceRight<Expr>((rest, index) => {
        const separator = index === 0 ? EMPTY : COMMA;
        const more = seq(separator, ruleOf(schemas(index), `${hint}-${index}`), rest);
        return index < min ? more : optional(more);
      }, EMPTY),
    );
  }
  const values = listedValues(context, schemas(0));
  if (values === null) throw refuse();
  const texts = [...new Set(values.map((value) => JSON.stringify(value)))].map(text);
  if (texts.length > MAX_PERMUTED) {
    const members = texts.map((member) => ({ member, required: false }));
    const list = objectMembers(rules, members, NOTHING, { min, max }, hint);
    if (list === null) throw refuse();
    return bracketed("[]", list);
  }
  // One rule for each set of values that are already written.
  const names = Array.from({ length: 2 ** texts.length }, () => rules.reserve(`${hint}-set`));
  names.forEach((name, written) => {
    const count = texts.filter((_, index) => (written >> index) & 1).length;
    const more = texts.flatMap((value, index) => {
      if ((written >> index) & 1 || count >= max) return [];
      return [seq(count > 0 ? COMMA : EMPTY, value, ref(names[written | (1 << index)]!))];
    });
    rules.define(name, alt(...more, ...(count >= min ? [EMPTY] : [])), true);
  });
  return bracketed("[]", ref(names[0]!));
}

/** Arrays with a number of items that are valid for the schemas of `contains`. */
function containing(
  context: Context,
  rules: Rules,
  nodes: readonly SchemaNode[],
  hint: string,
  item: (index: number, more: readonly Schema[]) => Expr,
): Expr {
  const shape = arrayShape(context, nodes);
  const { min, prefix, contained } = shape;
  const max = shape.max === Infinity
    ? Infinity
    : Math.min(shape.max, Math.max(min, prefix, MAX_COUNTED_ITEMS));
  // Positions and counts beyond these values are equivalent.
  const last = max === Infinity ? Math.max(min, prefix, 1) : max;
  const limits = contained.map((one) => one.max === Infinity ? one.min : one.max);
  const states = limits.reduce((product, limit) => product * (limit + 1), last + 1);
  if (states > MAX_COUNTING_STATES || contained.length > 4) {
    throw context.document.unsupported(
      contained[0]!.node,
      "contains",
      "a grammar can count only few matching items",
    );
  }
  const names = new Map<string, string>();
  const pending: [string, number, readonly number[]][] = [];
  const state = (index: number, counts: readonly number[]): Expr => {
    const key = `${index}:${counts}`;
    let name = names.get(key);
    if (name === undefined) {
      names.set(key, name = rules.reserve(`${hint}-contains`));
      pending.push([name, index, counts]);
    }
    return ref(name);
  };
  const start = state(0, contained.map(() => 0));
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const [name, index, counts] = next;
    const forms: Expr[] = [];
    if (index >= min && contained.every((one, at) => counts[at]! >= one.min)) forms.push(EMPTY);
    for (let hits = 0; index < max && hits < 2 ** contained.length; hits++) {
      const isHit = (at: number) => ((hits >> at) & 1) === 1;
      if (contained.some((_, at) => isHit(at) && counts[at]! >= limits[at]!)) continue;
      const more = contained.flatMap(({ node, schema, max }, at): Schema[] => {
        if (isHit(at)) return [schema];
        // Without a maximum, an item that is not counted may match too.
        if (max === Infinity) return [];
        return [context.document.derive(node, "contains", "not", () => ({ not: schema }))];
      });
      const after = state(
        Math.min(index + 1, last),
        counts.map((count, at) => isHit(at) ? count + 1 : count),
      );
      forms.push(seq(index === 0 ? EMPTY : COMMA, item(Math.min(index, prefix), more), after));
    }
    rules.define(name, alt(...forms), true);
  }
  return bracketed("[]", start);
}
