import { arrayShape, itemSchemas } from "./arrays.ts";
import { spend } from "../expression/mod.ts";
import { intersection, isEmptyLanguage } from "../regex/mod.ts";
import { typeConstraint, typeOf } from "./type_constraint.ts";
import type { Context } from "./context.ts";
import { satisfiesNodes } from "./validate.ts";
import type { Schema, SchemaNode, TypeName } from "../document/mod.ts";
import { objectShape, propertySchemas } from "./objects.ts";
import { numberConstraint } from "./number_ranges.ts";
import { stringAutomaton } from "./strings.ts";

/** Cost of one comparison. */
const DISJOINT_STEPS = 20;
/** Maximum depth at which properties are compared. Discriminators are at the first level. */
const MAX_DEPTH = 6;

/**
 * True if no value that the grammar generates for `written` is certainly valid for `other`. False
 * if that is unknown.
 *
 * @param type The type of the values, one that the grammar generates for `written`.
 */
export function isDisjoint(
  context: Context,
  written: readonly SchemaNode[],
  other: readonly SchemaNode[],
  type: TypeName,
  depth = 0,
): boolean {
  spend(DISJOINT_STEPS + 8 * (written.length + other.length));
  const { types, values } = typeConstraint(context, other);
  const shared = types.has(type) || (type === "integer" && types.has("number")) ||
    (type === "number" && types.has("integer"));
  if (!shared) return true;
  if (values !== null) {
    const kind = type === "integer" ? "number" : type;
    return !values.some((value) =>
      typeOf(value) === kind && satisfiesNodes(context, written, value)
    );
  }
  switch (type) {
    case "string": {
      const a = stringAutomaton(context, written);
      const b = stringAutomaton(context, other, "wider");
      if (a === null || b === null) {
        return [a, b].some((dfa) => dfa !== null && isEmptyLanguage(dfa));
      }
      const origin = other[0] ?? written[0]!;
      return isEmptyLanguage(context.buildAutomaton(origin, "oneOf", () => intersection(a, b)));
    }
    case "number":
    case "integer": {
      const [a, b] = [numberConstraint(context, written), numberConstraint(context, other)];
      return rangesDisjoint(a, b) || rangesDisjoint(b, a);
    }
    case "array":
      return arraysDisjoint(context, written, other, depth);
    case "object":
      return objectsDisjoint(context, written, other, depth);
    default:
      return false;
  }
}

/** True if no value is valid for both lists of schemas. */
export function schemasDisjoint(
  context: Context,
  written: readonly Schema[],
  other: readonly Schema[],
  depth: number,
): boolean {
  if (depth > MAX_DEPTH) return false;
  return context.combinators.expand(written).every((a) =>
    context.combinators.expand(other).every((b) => nodesDisjoint(context, a.nodes, b.nodes, depth))
  );
}

function nodesDisjoint(
  context: Context,
  written: readonly SchemaNode[],
  other: readonly SchemaNode[],
  depth: number,
): boolean {
  const { generatedTypes, values } = typeConstraint(context, written);
  const isValidForBoth = (value: unknown) =>
    satisfiesNodes(context, written, value) && satisfiesNodes(context, other, value);
  if (values !== null) return !values.some(isValidForBoth);
  return [...generatedTypes].every((type) => {
    if (type === "null") return !isValidForBoth(null);
    if (type === "boolean") return !isValidForBoth(true) && !isValidForBoth(false);
    return isDisjoint(context, written, other, type, depth);
  });
}

type Bounds = ReturnType<typeof numberConstraint>;

function rangesDisjoint(lower: Bounds, upper: Bounds): boolean {
  const highest = Math.min(lower.max, lower.below);
  const lowest = Math.max(upper.min, upper.above);
  const open = lower.below === highest || upper.above === lowest;
  return highest < lowest || (highest === lowest && open && Number.isFinite(highest));
}

function arraysDisjoint(
  context: Context,
  written: readonly SchemaNode[],
  other: readonly SchemaNode[],
  depth: number,
): boolean {
  const [a, b] = [arrayShape(context, written), arrayShape(context, other)];
  if (a.max < b.min || b.max < a.min) return true;
  const common = Math.min(a.min, Math.max(a.prefix, b.prefix) + 1);
  return Array.from({ length: common }, (_, index) => index).some((index) =>
    schemasDisjoint(
      context,
      itemSchemas(context, written, index),
      itemSchemas(context, other, index),
      depth + 1,
    )
  );
}

function objectsDisjoint(
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
    schemasDisjoint(
      context,
      propertySchemas(context, written, name),
      propertySchemas(context, other, name),
      depth + 1,
    )
  );
}
