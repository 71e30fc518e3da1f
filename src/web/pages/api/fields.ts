import type { Schema } from "./openapi.ts";

/** A field of a body, for a table. */
export interface Field {
  /** With the names of the objects around it, as in `messages[].role`. */
  readonly name: string;
  readonly type: string;
  readonly isRequired: boolean;
  readonly description: string;
}

/** Depth to which fields of fields are listed. */
const MOST_DEPTH = 3;

/** The fields of an object, or of the objects of a list. */
export function fieldsOf(schema: Schema): Field[] {
  return listFields(schema, "", 0);
}

function listFields(schema: Schema, prefix: string, depth: number): Field[] {
  const forms = schema.anyOf ?? schema.oneOf;
  if (forms !== undefined && schema.properties === undefined) {
    const byName = new Map<string, Field>();
    for (const field of forms.flatMap((form) => listFields(form, prefix, depth))) {
      if (!byName.has(field.name)) byName.set(field.name, field);
    }
    return [...byName.values()];
  }
  if (schema.items !== undefined) {
    return listFields(schema.items, prefix === "" ? "[]." : `${prefix.slice(0, -1)}[].`, depth);
  }
  if (depth >= MOST_DEPTH) return [];
  return Object.entries(schema.properties ?? {}).flatMap(([name, inner]) => [
    {
      name: prefix + name,
      type: typeOf(inner),
      isRequired: schema.required?.includes(name) ?? false,
      description: inner.description ?? "",
    },
    ...listFields(inner, `${prefix}${name}.`, depth + 1),
  ]);
}

/** The values of a field for people. `null` always means absent. */
function typeOf(schema: Schema): string {
  const forms = schema.anyOf ?? schema.oneOf;
  if (forms !== undefined) {
    return [...new Set(forms.map(typeOf))].filter((type) => type !== "").join(" or ");
  }
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) return schema.enum.map((one) => JSON.stringify(one)).join(" or ");
  const { type, items } = schema;
  const names = (typeof type === "string" ? [type] : type ?? ["any"]).filter((one) =>
    one !== "null"
  );
  return names.map((name) => {
    if (name === "array" && items !== undefined) return `list of ${typeOf(items)}`;
    return name + limits(schema);
  }).join(" or ");
}

/** JSON Schema of integers has the limits of JavaScript where there are none. */
function limits({ minimum, maximum }: Schema): string {
  const from = minimum !== undefined && Math.abs(minimum) < Number.MAX_SAFE_INTEGER;
  const to = maximum !== undefined && Math.abs(maximum) < Number.MAX_SAFE_INTEGER;
  if (from && to) return ` from ${minimum} to ${maximum}`;
  if (from) return ` from ${minimum}`;
  return to ? ` to ${maximum}` : "";
}
