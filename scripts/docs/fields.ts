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
 * What the server does with a field: `supported`; `refused` with an error that names the field;
 * `fixed`, which accepts one value and refuses all others; `ignored`, accepted without effect and
 * reported.
 */
export type Treatment = "supported" | "refused" | "fixed" | "ignored";

/** A field of a request. */
export interface Field {
  /** Path from the body, e.g. `messages[].content`. */
  readonly path: string;
  /** Allowed values; empty for a refused field. */
  readonly value: string;
  readonly required: boolean;
  readonly treatment: Treatment;
  readonly note: string;
  /** The variant of the object that has the field, where not all have it, e.g. ``role `"tool"` ``. */
  readonly only?: string;
  /** The fields of nested objects. */
  readonly within: readonly Field[];
  /** The schema without `optional`, `nullable` and `default`. */
  readonly schema: Schema;
}

/** The description of an ignored field begins with this. */
const IGNORED = /^(Accepted; |Ignored: )/;

/** The fields of a request body or of nested objects, in the order of the schema. */
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
  const description = descriptionOf(given) ?? "";
  const isIgnored = IGNORED.test(description);
  const isEmptyList = definition.type === "array" && longest(schema) === 0;
  if (isIgnored && (definition.type === "null" || isEmptyList)) {
    const note = noteOf(description);
    return { ...base, value: "", treatment: "ignored", note, within: [] };
  }
  if (definition.type === "null" || isEmptyList) {
    return { ...base, value: "", treatment: "refused", note: refusalOf(given), within: [] };
  }
  const absent = fallback === undefined ? "" : `; default ${JSON.stringify(fallback)}`;
  const value = describeValue(schema) + absent;
  const refusesOthers = definition.type === "literal" && definition.error !== undefined;
  if (refusesOthers && definition.values.length === 1 && optional && !isIgnored) {
    return { ...base, value, treatment: "fixed", note: refusalOf(given), within: [] };
  }
  const within = fieldsOf(schema, path);
  return {
    ...base,
    value,
    treatment: isIgnored ? "ignored" : "supported",
    note: noteOf(description),
    // The nested fields of an ignored field have no effect either, except those that are refused.
    within: isIgnored ? within.filter(({ treatment }) => treatment === "refused") : within,
  };
}

function noteOf(description: string): string {
  return capitalize(description.replace(IGNORED, ""));
}

function capitalize(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** The description of a schema or of the schema inside of it. */
function descriptionOf(schema: Schema): string | undefined {
  const own = z.globalRegistry.get(schema)?.description;
  if (own !== undefined) return own;
  const definition = definitionOf(schema);
  return "innerType" in definition ? descriptionOf(definition.innerType) : undefined;
}

/** A value that no refused and no fixed field accepts. */
const UNACCEPTABLE = ["not a valid value"];

/** The error message for a caller who sets the field. */
function refusalOf(schema: Schema): string {
  const { error } = z.safeParse(schema, UNACCEPTABLE);
  return capitalize(error?.issues[0]?.message ?? "");
}

/** The field that discriminates the variants of an object, where there is one. */
function discriminatorOf(schema: Schema): string | undefined {
  const definition = definitionOf(unwrap(schema).schema);
  if (definition.type !== "union") return undefined;
  if ("discriminator" in definition) return String(definition.discriminator);
  return definition.options.map(discriminatorOf).find((name) => name !== undefined);
}

/** The fields of all variants of an object, without duplicates. */
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

/** Fields with the same fingerprint become one row. */
function fingerprint(field: Field): string {
  return JSON.stringify(field, (key, value) => key === "schema" ? undefined : value);
}
