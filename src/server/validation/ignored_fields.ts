import type * as z from "zod";
import { ShimmyError } from "../../errors.ts";
import { similarName } from "../../models/entry/mod.ts";
import { invalidValue, type Issue, issuesOf, validate } from "./validate.ts";
import { fieldNamesAt, ignoredAt, visitIgnored } from "../schemas/mod.ts";
import type { Exchange } from "../http/mod.ts";

/** Maximum validations of one body: each removes the unknown fields that the last one found. */
const MAX_ROUNDS = 32;
/** Maximum fields that are removed from one body. */
const MAX_REPAIRS = 10_000;

/** Maximum ignored fields that a response reports, and the maximum length of each. */
const MAX_FIELDS = 32;
const MAX_LENGTH = 64;

/** The request header and the setting that turn unknown fields into errors. */
const STRICT_HEADER = "x-shimmy-strict";

/**
 * Validates the body of a request by the policy for the dialects of other servers: unknown fields, and
 * values of fields that have no effect, are ignored at every depth and reported in `x-shimmy-ignored`.
 * `null` counts as absent at every depth. With `--strict` or the request header `x-shimmy-strict: 1`,
 * unknown fields and values are errors.
 *
 * @throws {ShimmyError} `invalid` for the first issue.
 */
export function parseLenient<T extends z.ZodType>(
  exchange: Exchange,
  schema: T,
  value: unknown,
): z.output<T> {
  const fields = new Set<string>();
  const report = (path: readonly PropertyKey[]) => {
    if (fields.size < MAX_FIELDS) fields.add(pathOf(path));
  };
  visitIgnored(schema, value, report);
  try {
    const { result, last } = repaired(schema, value, isStrict(exchange) ? null : report);
    if (result.success) return result.data;
    throw invalidValue(last, result.error);
  } finally {
    if (fields.size > 0) exchange.ignoreFields([...fields]);
  }
}

/**
 * Validates a value of the native API: an unknown field is an error with a similar name, and `null`
 * counts as absent at every depth.
 *
 * @throws {ShimmyError} `invalid` for the first issue.
 */
export function parseStrict<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  const { result, last } = repaired(schema, value, null);
  if (result.success) return result.data;
  throw invalidValue(
    last,
    result.error,
    (path, key) => similarName(fieldNamesAt(schema, path), key),
  );
}

/** A request that must not contain anything that has no effect. */
export function isStrict({ request, context: { settings } }: Exchange): boolean {
  return settings.strict === true || request.headers.get(STRICT_HEADER) === "1";
}

/** Receives the path of a field that was ignored. */
type Report = (path: readonly PropertyKey[]) => void;

/** The last validation of a value. */
interface Repaired<T extends z.ZodType> {
  readonly result: z.ZodSafeParseResult<z.output<T>>;
  /** What was validated. */
  readonly last: unknown;
}

/**
 * Validates a value without `null` fields that the schema rejects, without unknown fields, and without
 * values of fields that have no effect. A valid value is validated once.
 *
 * @param report null: unknown fields and values stay.
 */
function repaired<T extends z.ZodType>(
  schema: T,
  value: unknown,
  report: Report | null,
): Repaired<T> {
  let last = value;
  let result = validate(schema, value);
  let count = 0;
  for (let round = 0; round < MAX_ROUNDS && !result.success; round++) {
    const current = last;
    const isRepairable = (issue: Issue) =>
      issue.code === "unrecognized_keys" || at(current, issue.path) === null ||
      ignoredAt(schema, issue.path) !== null;
    const issues = result.error.issues.flatMap((issue) => issuesOf(issue, isRepairable));
    // Most wrong values cannot be repaired, and a copy of a long list takes a while.
    if (!issues.some(isRepairable)) break;
    if (round === 0) last = copyOf(value);
    const changes = issues.map((issue) => repair(schema, last, issue, report));
    if (!changes.includes(true)) break;
    count += changes.length;
    if (count > MAX_REPAIRS) {
      throw new ShimmyError(
        "invalid",
        `body: more than ${MAX_REPAIRS} fields are unknown or null`,
        {
          field: "body",
        },
      );
    }
    result = validate(schema, last);
  }
  return { result, last };
}

/** A copy of a JSON value, whose texts are not copied: they can be long. */
function copyOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copyOf);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, copyOf(inner)]));
}

/** Removes the field of an issue if it is null, unknown or without effect; true if the value changed. */
function repair(
  schema: z.ZodType,
  value: unknown,
  issue: Issue,
  report: Report | null,
): boolean {
  const ignored = ignoredAt(schema, issue.path);
  if (ignored !== null) return report !== null && remove(value, ignored, report);
  if (issue.code !== "unrecognized_keys") return remove(value, issue.path, null);
  return issue.keys.map((key) => remove(value, [...issue.path, key], report)).includes(true);
}

/** Removes a field. @param report null: only if the field is `null`. */
function remove(value: unknown, path: readonly PropertyKey[], report: Report | null): boolean {
  const key = path.at(-1);
  const parent = at(value, path.slice(0, -1));
  if (typeof key !== "string" || !isObject(parent) || !Object.hasOwn(parent, key)) return false;
  if (parent[key] !== null) {
    if (report === null) return false;
    report(path);
  }
  return Reflect.deleteProperty(parent, key);
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
