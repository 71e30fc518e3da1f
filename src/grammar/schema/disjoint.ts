import { arrayShape, itemSchemas } from "./arrays.ts";
import { intersection, isVoid } from "../regex/mod.ts";
import { conjunct } from "./conjunct.ts";
import type { Context } from "./context.ts";
import { fitsNodes } from "./fits.ts";
import type { TypeName } from "./keywords.ts";
import { objectShape, propertySchemas } from "./objects.ts";
import { numberDemand } from "./number_ranges.ts";
import type { Schema, SchemaNode } from "./schema.ts";
import { stringAutomaton } from "./strings.ts";

/** Properties are compared so many levels down; discriminators lie at the first. */
const MAX_DEPTH = 6;

/**
 * True if it is certain that no value that the grammar writes for `written` is right by `other` as
 * well. What cannot be told counts as false.
 *
 * @param type The type of the values in question, one that `written` means.
 */
export function excludes(
  context: Context,
  written: readonly SchemaNode[],
  other: readonly SchemaNode[],
  type: TypeName,
  depth = 0,
): boolean {
  const { types, values } = conjunct(context, other);
  const shared = types.has(type) || (type === "integer" && types.has("number")) ||
    (type === "number" && types.has("integer"));
  if (!shared) return true;
  if (values !== null) return !values.some((value) => fitsNodes(context, written, value));
  switch (type) {
    case "string": {
      const [a, b] = [stringAutomaton(context, written), stringAutomaton(context, other)];
      if (a === null || b === null) return [a, b].some((dfa) => dfa !== null && isVoid(dfa));
      const blame = other[0] ?? written[0]!;
      return isVoid(context.regular(blame, "oneOf", () => intersection(a, b)));
    }
    case "number":
    case "integer": {
      const [a, b] = [numberDemand(context, written), numberDemand(context, other)];
      return apart(a, b) || apart(b, a);
    }
    case "array":
      return arraysApart(context, written, other, depth);
    case "object":
      return objectsApart(context, written, other, depth);
    default:
      return false;
  }
}

/** True if no value is right by both lists of schemas. */
function schemasApart(
  context: Context,
  written: readonly Schema[],
  other: readonly Schema[],
  depth: number,
): boolean {
  if (depth > MAX_DEPTH) return false;
  return context.alternatives.of(written).every((a) =>
    context.alternatives.of(other).every((b) => nodesApart(context, a.nodes, b.nodes, depth))
  );
}

function nodesApart(
  context: Context,
  written: readonly SchemaNode[],
  other: readonly SchemaNode[],
  depth: number,
): boolean {
  const { meant, values } = conjunct(context, written);
  const fitBoth = (value: unknown) =>
    fitsNodes(context, written, value) && fitsNodes(context, other, value);
  if (values !== null) return !values.some(fitBoth);
  return [...meant].every((type) => {
    if (type === "null") return !fitBoth(null);
    if (type === "boolean") return !fitBoth(true) && !fitBoth(false);
    return excludes(context, written, other, type, depth);
  });
}

type Demand = ReturnType<typeof numberDemand>;

function apart(lower: Demand, upper: Demand): boolean {
  const highest = Math.min(lower.max, lower.below);
  const lowest = Math.max(upper.min, upper.above);
  const open = lower.below === highest || upper.above === lowest;
  return highest < lowest || (highest === lowest && open && Number.isFinite(highest));
}

function arraysApart(
  context: Context,
  written: readonly SchemaNode[],
  other: readonly SchemaNode[],
  depth: number,
): boolean {
  const [a, b] = [arrayShape(context, written), arrayShape(context, other)];
  if (a.max < b.min || b.max < a.min) return true;
  const common = Math.min(a.min, Math.max(a.prefix, b.prefix) + 1);
  return Array.from({ length: common }, (_, index) => index).some((index) =>
    schemasApart(
      context,
      itemSchemas(context, written, index),
      itemSchemas(context, other, index),
      depth + 1,
    )
  );
}

function objectsApart(
  context: Context,
  written: readonly SchemaNode[],
  other: readonly SchemaNode[],
  depth: number,
): boolean {
  const [a, b] = [objectShape(context, written), objectShape(context, other)];
  const never = (name: string) =>
    (!a.open && !a.names.includes(name)) || propertySchemas(context, written, name).includes(false);
  if ([...b.required].some(never)) return true;
  return [...a.required].some((name) =>
    schemasApart(
      context,
      propertySchemas(context, written, name),
      propertySchemas(context, other, name),
      depth + 1,
    )
  );
}
