import type { Alternative, Exclusion } from "../expansion/mod.ts";
import { arrayShape } from "./arrays.ts";
import type { Context } from "./context.ts";
import { isDisjoint } from "./disjoint.ts";
import {
  isRecord,
  readList,
  readRequired,
  type SchemaNode,
  type TypeName,
} from "../document/mod.ts";
import { numberConstraint } from "./number_ranges.ts";
import { objectShape, propertySchemas } from "./objects.ts";
import { typeConstraint } from "./type_constraint.ts";

/** Combinations that avoid all excluded schemas. Further ones are left out: the grammar is narrower. */
const MAX_COMBINATIONS = 48;
/** Listed values that a range of numbers is split at. */
const MAX_SPLITS = 32;

/**
 * Conjunctions of nodes without exclusions. Their values of a type are valid for the alternative.
 * Not all of its values are among them: a violation that a schema cannot express is left out.
 *
 * @param type Any type but strings, whose exclusions an automaton expresses.
 */
export function withoutExclusions(
  context: Context,
  alternative: Alternative,
  type: TypeName,
): readonly (readonly SchemaNode[])[] {
  const found: (readonly SchemaNode[])[] = [];
  const pending: Alternative[] = [alternative];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (found.length >= MAX_COMBINATIONS || pending.length > 1_000) break;
    const { nodes } = next;
    if (isImpossible(context, nodes, type)) continue;
    const excluded = next.excluded.filter((one) => !isDisjoint(context, nodes, one.nodes, type));
    const [first, ...rest] = excluded;
    if (first === undefined) {
      found.push(nodes);
      continue;
    }
    const options = [...violations(context, first, type), ...first.excluded];
    const combined = context.combinators.combine(
      [{ nodes, excluded: rest }],
      options.slice(0, MAX_COMBINATIONS),
      first.holder,
    );
    pending.push(...[...combined].reverse());
  }
  return found;
}

/** The most common contradictions. Others are found when the grammar is finished. */
function isImpossible(context: Context, nodes: readonly SchemaNode[], type: TypeName): boolean {
  if (!typeConstraint(context, nodes).types.has(type)) return true;
  switch (type) {
    case "object": {
      const { required } = objectShape(context, nodes);
      return [...required].some((name) => propertySchemas(context, nodes, name).includes(false));
    }
    case "array": {
      const { min, max } = arrayShape(context, nodes);
      return min > max;
    }
    case "number":
    case "integer": {
      const { min, max, above, below } = numberConstraint(context, nodes);
      return min > max || above >= below || min >= below || above >= max;
    }
    default:
      return false;
  }
}

/** Alternatives of values that one of the excluded nodes does not allow. */
function violations(context: Context, excluded: Exclusion, type: TypeName): Alternative[] {
  const { nodes, holder, keyword } = excluded;
  const { values } = typeConstraint(context, nodes);
  const conditions = values !== null
    ? unlisted(values, type)
    : type === "object"
    ? nodes.flatMap((node) => objectViolations(context, node))
    : type === "array"
    ? nodes.flatMap((node) => arrayViolations(context, node))
    : numberViolations(context, nodes);
  return conditions.flatMap(([key, make]) =>
    context.combinators.expand([
      context.document.derive(nodes[0] ?? holder, "not", `${type}/${key}`, make, {
        node: holder,
        keyword,
      }),
    ])
  );
}

/** A key of the violation among those of its node, and its schema. */
type Violation = readonly [key: string, make: () => SchemaNode];

function objectViolations({ document }: Context, node: SchemaNode): Violation[] {
  const found: Violation[] = readRequired(document, node).map((name) => [
    `required/${name}`,
    () => ({ properties: { [name]: false } }),
  ]);
  const properties = isRecord(node.properties) ? Object.entries(node.properties) : [];
  for (const [name, schema] of properties) {
    if (schema === true) continue;
    found.push([
      `properties/${name}`,
      () => ({ properties: { [name]: { not: schema } }, required: [name] }),
    ]);
  }
  if (typeof node.minProperties === "number" && node.minProperties > 0) {
    const most = node.minProperties - 1;
    found.push(["minProperties", () => ({ maxProperties: most })]);
  }
  // A grammar can count one undeclared property.
  if (node.maxProperties === 0) found.push(["maxProperties", () => ({ minProperties: 1 })]);
  return found;
}

function arrayViolations({ document }: Context, node: SchemaNode): Violation[] {
  const found: Violation[] = [];
  if (typeof node.minItems === "number" && node.minItems > 0) {
    const most = node.minItems - 1;
    found.push(["minItems", () => ({ maxItems: most })]);
  }
  if (typeof node.maxItems === "number") {
    const least = node.maxItems + 1;
    found.push(["maxItems", () => ({ minItems: least })]);
  }
  const prefix = readList(document, node, Array.isArray(node.items) ? "items" : "prefixItems");
  prefix.forEach((schema, index) => {
    if (schema === true) return;
    const before = Array.from({ length: index }, () => true);
    found.push([`prefixItems/${index}`, () => ({
      prefixItems: [...before, { not: schema }],
      items: true,
      minItems: index + 1,
    })]);
  });
  const { items } = node;
  if (prefix.length === 0 && items !== undefined && items !== true) {
    found.push(["items", () => ({ contains: { not: items } })]);
  }
  const counted = "minContains" in node || "maxContains" in node;
  if (node.contains !== undefined && !counted) {
    found.push(["contains", () => ({ items: { not: node.contains } })]);
  }
  return found;
}

function numberViolations(context: Context, nodes: readonly SchemaNode[]): Violation[] {
  const { min, max, above, below } = numberConstraint(context, nodes);
  const bounds: [string, number][] = [
    ["exclusiveMaximum", min],
    ["maximum", above],
    ["exclusiveMinimum", max],
    ["minimum", below],
  ];
  return bounds.filter(([, bound]) => Number.isFinite(bound))
    .map(([keyword, bound]) => [`${keyword}/${bound}`, () => ({ [keyword]: bound })]);
}

/** The values of a type that are not among listed ones. */
function unlisted(values: readonly unknown[], type: TypeName): Violation[] {
  if (type === "object" || type === "array") {
    const [only, ...others] = values.filter((value) =>
      type === "array" ? Array.isArray(value) : isRecord(value)
    );
    // The shape of one value is excluded. Several values are left out.
    if (only === undefined || others.length > 0) return [];
    return [["const", () => ({ not: shapeOf(only as unknown[] | Record<string, unknown>) })]];
  }
  const numbers = [...new Set(values.filter((value) => typeof value === "number"))]
    .sort((a, b) => a - b);
  if (numbers.length > MAX_SPLITS) return [];
  return [...numbers, null].map((below, index) => {
    const above = numbers[index - 1];
    return [`between/${above}/${below}`, () => ({
      ...(above === undefined ? {} : { exclusiveMinimum: above }),
      ...(below === null ? {} : { exclusiveMaximum: below }),
    })];
  });
}

function shapeOf(value: unknown[] | Record<string, unknown>): SchemaNode {
  if (Array.isArray(value)) {
    return {
      type: "array",
      minItems: value.length,
      maxItems: value.length,
      ...(value.length > 0 ? { prefixItems: value.map((item) => ({ const: item })) } : {}),
    };
  }
  return {
    type: "object",
    required: Object.keys(value),
    properties: Object.fromEntries(
      Object.entries(value).map(([key, one]) => [key, { const: one }]),
    ),
    maxProperties: Object.keys(value).length,
  };
}
