import type * as z from "zod";

/** Elements that are validated together, and issues of a list after which the rest is not validated. */
const CHUNK = 256;
const MAX_ISSUES = 1_000;

type Schema = z.core.$ZodType;

const bounded = new WeakSet<Schema>();

/**
 * Makes the lists of a schema stop after many issues: a short body can hold ten thousands of wrong elements,
 * and describing them all takes seconds. The elements that were validated have the same issues as before.
 *
 * @returns The schema itself.
 */
export function boundLists<T extends Schema>(schema: T): T {
  if (bounded.has(schema)) return schema;
  bounded.add(schema);
  for (const part of partsOf(schema)) boundLists(part);
  if (schema._zod.def.type === "array") boundList(schema);
  return schema;
}

/** The schemas that a schema of any kind is made of. */
function partsOf({ _zod: internals }: Schema): Schema[] {
  const parts = Object.entries(internals.def).flatMap(([name, value]) => {
    if (isSchema(value)) return [value];
    if (Array.isArray(value)) return value.filter(isSchema);
    return name === "shape" ? Object.values(value as Record<string, Schema>) : [];
  });
  // The inner schema of `z.lazy`, which is made once.
  const { innerType } = internals as { innerType?: unknown };
  return isSchema(innerType) ? [...parts, innerType] : parts;
}

function isSchema(value: unknown): value is Schema {
  return typeof value === "object" && value !== null && "_zod" in value;
}

function boundList(schema: z.core.$ZodType): void {
  const { _zod: internals } = schema;
  // At the first use, zod puts another function in this place.
  internals.parse({ value: [], issues: [] }, { async: false });
  const { parse } = internals;
  const most = maximumOf(internals.def);
  const isItem = integerCheckOf((internals.def as z.core.$ZodArrayDef).element);
  const hasChecks = internals.run !== parse;
  internals.parse = (payload, context) => {
    const { value } = payload;
    // The elements of a list that is too long are not validated.
    if (!Array.isArray(value) || value.length <= CHUNK || value.length > most) {
      return parse(payload, context);
    }
    // The token ids of a long prompt.
    if (isItem !== null && value.every(isItem)) return payload;
    const parsed: unknown[] = [];
    for (
      let start = 0;
      start < value.length && payload.issues.length < MAX_ISSUES;
      start += CHUNK
    ) {
      const part = { value: value.slice(start, start + CHUNK) as unknown, issues: [] };
      const result = parse(part, context);
      if (result instanceof Promise) throw new TypeError("Lists are validated synchronously");
      for (const item of result.value as unknown[]) parsed.push(item);
      for (const issue of result.issues) payload.issues.push(shifted(issue, start));
    }
    payload.value = parsed;
    return payload;
  };
  if (!hasChecks) internals.run = internals.parse;
}

type Bound = z.core.$ZodCheckGreaterThanDef | z.core.$ZodCheckLessThanDef;

/**
 * Whether a value is one of the integers that a schema accepts. Null for a schema of something else, and
 * for one with checks beyond a range.
 */
function integerCheckOf({ _zod: { def } }: Schema): ((value: unknown) => boolean) | null {
  const { type, format, coerce, checks = [] } = def as Partial<z.core.$ZodNumberFormatDef>;
  if (type !== "number" || format !== "safeint" || coerce) return null;
  let [least, most] = [-Infinity, Infinity];
  for (const { _zod: { def } } of checks) {
    const { check, value, inclusive, when } = def as Partial<Bound>;
    if (typeof value !== "number" || !inclusive || when !== undefined) return null;
    if (check === "greater_than") least = Math.max(least, value);
    else if (check === "less_than") most = Math.min(most, value);
    else return null;
  }
  return (value) =>
    Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most;
}

/** The maximum length of a list. */
function maximumOf({ checks = [] }: z.core.$ZodTypeDef): number {
  return Math.min(
    ...checks.map(({ _zod: { def } }) =>
      def.check === "max_length" ? (def as z.core.$ZodCheckMaxLengthDef).maximum : Infinity
    ),
  );
}

/** An issue of an element whose index is larger by `start`. */
function shifted(issue: z.core.$ZodRawIssue, start: number): z.core.$ZodRawIssue {
  const [index, ...rest] = issue.path ?? [];
  return typeof index === "number" ? { ...issue, path: [index + start, ...rest] } : issue;
}
