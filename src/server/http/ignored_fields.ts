import type * as z from "zod";
import { deepestIssue, type Issue, parse } from "./body.ts";
import type { Exchange } from "./route.ts";

/** Maximum validations of one body: each removes the unknown fields that the last one found. */
const MAX_ROUNDS = 32;

/** Maximum ignored fields that a response reports, and the maximum length of each. */
const MAX_FIELDS = 32;
const MAX_LENGTH = 64;

/** The request header and the setting that turn unknown fields into errors. */
const STRICT_HEADER = "x-shimmy-strict";

/**
 * Validates the body of a request by the policy for the dialects of other servers: unknown fields are
 * ignored at every depth and reported in `x-shimmy-ignored`, and `null` counts as absent at every depth.
 * With `--strict` or the request header `x-shimmy-strict: 1`, unknown fields are errors.
 *
 * @throws {ShimmyError} `invalid` for the first issue.
 */
export function parseLenient<T extends z.ZodType>(
  exchange: Exchange,
  schema: T,
  value: unknown,
): z.output<T> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const strict = isStrict(exchange);
  const fields = new Set<string>();
  try {
    return parse(schema, withoutUnknownFields(schema, value, strict ? null : fields));
  } finally {
    if (fields.size > 0) exchange.ignoreFields([...fields]);
  }
}

/** A request that must not contain anything that has no effect. */
export function isStrict({ request, context: { settings } }: Exchange): boolean {
  return settings.strict === true || request.headers.get(STRICT_HEADER) === "1";
}

/**
 * The value without `null` fields that the schema rejects, and without unknown fields.
 *
 * @param ignored receives the paths of removed unknown fields; null: unknown fields stay.
 */
function withoutUnknownFields(
  schema: z.ZodType,
  value: unknown,
  ignored: Set<string> | null,
): unknown {
  const copy = structuredClone(value);
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const { error } = schema.safeParse(copy);
    if (error === undefined) break;
    const changes = error.issues.map((issue) => repair(copy, deepestIssue(issue), ignored));
    if (!changes.includes(true)) break;
  }
  return copy;
}

/** Removes the field of an issue if it is unknown or null; true if the value changed. */
function repair(value: unknown, issue: Issue, ignored: Set<string> | null): boolean {
  if (issue.code !== "unrecognized_keys") {
    const key = issue.path.at(-1);
    const parent = at(value, issue.path.slice(0, -1));
    if (typeof key !== "string" || !isObject(parent) || parent[key] !== null) return false;
    return Reflect.deleteProperty(parent, key);
  }
  const parent = at(value, issue.path);
  if (!isObject(parent)) return false;
  let changed = false;
  for (const key of issue.keys) {
    const isNull = parent[key] === null;
    if (!isNull && ignored === null) continue;
    changed = Reflect.deleteProperty(parent, key) || changed;
    if (!isNull && ignored!.size < MAX_FIELDS) ignored!.add(pathOf([...issue.path, key]));
  }
  return changed;
}

function at(value: unknown, path: readonly PropertyKey[]): unknown {
  let inner = value;
  for (const key of path) {
    if (typeof inner !== "object" || inner === null || !Object.hasOwn(inner, key)) return undefined;
    inner = (inner as Record<PropertyKey, unknown>)[key];
  }
  return inner;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A path without indices of lists, safe in headers, logs and labels. */
function pathOf(path: readonly PropertyKey[]): string {
  const text = path.map((key) =>
    typeof key === "number" ? "[]" : `.${String(key).replace(/[^\w$-]/g, "?")}`
  ).join("").replace(/^\./, "");
  return text.length <= MAX_LENGTH ? text : `${text.slice(0, MAX_LENGTH - 3)}...`;
}
