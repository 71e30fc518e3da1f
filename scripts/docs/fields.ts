import * as z from "zod";
import {
  alternatives,
  definitionOf,
  describeValue,
  longest,
  type Schema,
  unwrap,
} from "./values.ts";

/**
 * What becomes of a field: `honoured`; `refused` by name, whatever its value; `fixed`, which takes the
 * one value that changes nothing and refuses the others; `no effect`, accepted and not looked at.
 */
export type Treatment = "honoured" | "refused" | "fixed" | "no effect";

/** A field of a request. */
export interface Field {
  /** From the body on, e.g. `messages[].content`. */
  readonly path: string;
  /** What it may be; empty where it is refused. */
  readonly value: string;
  readonly required: boolean;
  readonly treatment: Treatment;
  readonly note: string;
  /** Which kind of object has it, where not all have, e.g. ``role `"tool"` ``. */
  readonly only?: string;
  /** The fields of the objects it holds. */
  readonly within: readonly Field[];
  /** Without what says that it may be absent. */
  readonly schema: Schema;
}

/** Descriptions that begin so are of fields that are taken and not looked at. */
const NO_EFFECT = /^Accepted; /;

/** The fields of a request's body, or of the objects that a field holds, in the order of the schema. */
export function fieldsOf(schema: Schema, path = ""): Field[] {
  const options = alternatives(schema);
  const kinds = options.flatMap((option) => {
    const definition = definitionOf(option);
    return definition.type === "object" ? [fieldsOfKind(definition.shape, path)] : [];
  });
  const inLists = options.flatMap((option) => {
    const definition = definitionOf(option);
    return definition.type === "array" ? fieldsOf(definition.element, `${path}[]`) : [];
  });
  return [...merge(kinds, discriminatorOf(schema), path), ...inLists];
}

function fieldsOfKind(shape: Readonly<Record<string, Schema>>, path: string): Field[] {
  return Object.entries(shape)
    .map(([name, schema]) => fieldOf(schema, path === "" ? name : `${path}.${name}`));
}

function fieldOf(given: Schema, path: string): Field {
  const { schema, optional, fallback } = unwrap(given);
  const definition = definitionOf(schema);
  const base = { path, required: !optional, schema };
  const isEmptyList = definition.type === "array" && longest(schema) === 0;
  if (definition.type === "null" || isEmptyList) {
    return { ...base, value: "", treatment: "refused", note: refusalOf(given), within: [] };
  }
  const absent = fallback === undefined ? "" : `; ${JSON.stringify(fallback)} where it is absent`;
  const value = describeValue(schema) + absent;
  const refusesOthers = definition.type === "literal" && definition.error !== undefined;
  if (refusesOthers && definition.values.length === 1 && optional) {
    return { ...base, value, treatment: "fixed", note: refusalOf(given), within: [] };
  }
  const description = descriptionOf(given) ?? "";
  const isIdle = NO_EFFECT.test(description);
  const within = fieldsOf(schema, path);
  return {
    ...base,
    value,
    treatment: isIdle ? "no effect" : "honoured",
    note: capitalize(description.replace(NO_EFFECT, "")),
    // Of what has no effect, only what is refused is worth telling.
    within: isIdle ? within.filter(({ treatment }) => treatment === "refused") : within,
  };
}

function capitalize(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** The description of a schema, or of what it wraps. */
function descriptionOf(schema: Schema): string | undefined {
  const own = z.globalRegistry.get(schema)?.description;
  if (own !== undefined) return own;
  const definition = definitionOf(schema);
  return "innerType" in definition ? descriptionOf(definition.innerType) : undefined;
}

/** A value that no field takes that is refused or fixed. */
const STRANGE = ["a value of no use"];

/** What a caller is told who sets the field. */
function refusalOf(schema: Schema): string {
  const { error } = z.safeParse(schema, STRANGE);
  return capitalize(error?.issues[0]?.message ?? "");
}

/** The field by which the kinds of an object are told apart, if they are. */
function discriminatorOf(schema: Schema): string | undefined {
  const definition = definitionOf(unwrap(schema).schema);
  if (definition.type !== "union") return undefined;
  if ("discriminator" in definition) return String(definition.discriminator);
  return definition.options.map(discriminatorOf).find((name) => name !== undefined);
}

/** The fields of all kinds of an object, each once. */
function merge(
  kinds: readonly Field[][],
  discriminator: string | undefined,
  path: string,
): Field[] {
  const name = `${path}.${discriminator}`;
  const merged = new Map<string, { field: Field; of: string[] }>();
  for (const fields of kinds) {
    const kind = fields.find((field) => field.path === name)?.value ?? "";
    for (const field of fields) {
      const key = field.path === name ? name : fingerprint(field);
      const known = merged.get(key);
      if (known === undefined) merged.set(key, { field, of: [kind] });
      else known.of.push(kind);
    }
  }
  return [...merged.values()].map(({ field, of }) => {
    if (field.path === name) return { ...field, value: [...new Set(of)].join(" or ") };
    if (of.length === kinds.length || discriminator === undefined) return field;
    return { ...field, only: `${discriminator} ${of.join(", ")}` };
  });
}

/** What makes two fields the same to a reader. */
function fingerprint(field: Field): string {
  return JSON.stringify(field, (key, value) => key === "schema" ? undefined : value);
}
