import type * as z from "zod";
import { ShimmyError } from "../../errors.ts";
import { boundLists, plainMessage } from "../schemas/mod.ts";

/** Characters of the name of a field in errors. Clients can send names of megabytes. */
const MAX_FIELD = 200;

export type Issue = z.core.$ZodIssue;

/** Whether an issue with a full path can be repaired by removing fields. */
export type IsRepairable = (issue: Issue) => boolean;

/**
 * The most specific issues of a value that matches no member of a union, with their full paths: those
 * of the member that needs the fewest repairs, or else of the member whose first issue is deepest. When
 * no member reached a field of the value, the message of the union is more useful.
 */
export function issuesOf(
  issue: Issue,
  isRepairable: IsRepairable = ({ code }) => code === "unrecognized_keys",
): readonly Issue[] {
  if (issue.code !== "invalid_union") return [issue];
  const members = issue.errors.map((issues) =>
    issues.flatMap((one) =>
      issuesOf({ ...one, path: [...issue.path, ...one.path] } as Issue, isRepairable)
    )
  ).filter((found) => found.length > 0);
  const repairable = members.filter((found) => found.every(isRepairable))
    .sort((a, b) => fieldCount(a) - fieldCount(b));
  const reached = members.filter(([first]) =>
    first!.path.slice(issue.path.length).some((key) => typeof key === "string")
  ).sort(([a], [b]) => b!.path.length - a!.path.length);
  return repairable[0] ?? reached[0] ?? [issue];
}

/** The number of fields that issues are about. */
function fieldCount(issues: readonly Issue[]): number {
  return issues.reduce((sum, one) => sum + ("keys" in one ? one.keys.length : 1), 0);
}

/** Validates a value, with a bound on the issues of each list. */
export function validate<T extends z.ZodType>(
  schema: T,
  value: unknown,
): z.ZodSafeParseResult<z.output<T>> {
  return boundLists(schema).safeParse(value, { error: plainMessage });
}

/**
 * Validates a value.
 *
 * @throws {ShimmyError} `invalid` as {@linkcode invalidValue} describes it.
 */
export function parse<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  const result = validate(schema, value);
  if (result.success) return result.data;
  throw invalidValue(value, result.error);
}

/**
 * The error for a value with issues. It is about the first one; the message is
 * `<field>: <what is allowed>`.
 *
 * @param nearest Finds the known field nearest to an unknown one, for the message.
 */
export function invalidValue(
  value: unknown,
  error: z.ZodError,
  nearest: (path: readonly PropertyKey[], key: string) => string | undefined = () => undefined,
): ShimmyError {
  const issue = issuesOf(error.issues[0]!)[0]!;
  const unknownKey = issue.code === "unrecognized_keys" ? issue.keys[0] : undefined;
  const path = [...issue.path, ...(unknownKey === undefined ? [] : [unknownKey])];
  const whole = path.map((key) => typeof key === "number" ? `[${key}]` : `.${String(key)}`)
    .join("").replace(/^\./, "") || "body";
  const field = whole.length <= MAX_FIELD ? whole : `${whole.slice(0, MAX_FIELD)}...`;
  const near = unknownKey === undefined ? undefined : nearest(issue.path, unknownKey);
  const unknown = `is not a known field${near === undefined ? "" : `; did you mean ${near}?`}`;
  const known = isAbsent(value, issue.path) ? `is missing; ${issue.message}` : issue.message;
  const message = unknownKey === undefined ? known : unknown;
  return new ShimmyError("invalid", `${field}: ${message}`, { field, cause: error });
}

/** Whether the value has no field at the path. The empty path is the value itself. */
function isAbsent(value: unknown, path: readonly PropertyKey[]): boolean {
  const found = path.reduce<unknown>(
    (at, key) => typeof at === "object" && at !== null ? at[key as keyof typeof at] : null,
    value,
  );
  return found === undefined;
}
