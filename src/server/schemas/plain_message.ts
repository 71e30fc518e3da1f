import type * as z from "zod";

/** Names of types that are not "a" and the type. */
const NAMES: Readonly<Record<string, string>> = {
  array: "a list",
  int: "a whole number",
  null: "null",
  object: "an object",
  record: "an object",
  string: "a text",
};

/**
 * The message of an issue whose schema has none of its own, in the words of the other errors: what a field
 * must be. Undefined for issues that keep Zod's.
 */
export function plainMessage(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case "invalid_type":
      return issue.input === undefined
        ? `must be ${nameOf(issue.expected)}`
        : `must be ${nameOf(issue.expected)}, not ${nameOf(typeOf(issue.input))}`;
    case "invalid_value": {
      const values = issue.values.map((value) => JSON.stringify(value));
      return `must be ${values.length === 1 ? "" : "one of "}${values.join(", ")}`;
    }
    case "too_big":
      return bound(
        issue.origin,
        issue.inclusive === false ? "less than" : "at most",
        issue.maximum,
      );
    case "too_small":
      return bound(
        issue.origin,
        issue.inclusive === false ? "more than" : "at least",
        issue.minimum,
      );
  }
  return undefined;
}

function bound(origin: string, relation: string, limit: number | bigint): string {
  if (origin === "array") return `must have ${relation} ${limit} items`;
  if (origin === "string") return `must have ${relation} ${limit} characters`;
  return `must be ${relation} ${limit}`;
}

function nameOf(type: string): string {
  return NAMES[type] ?? `a ${type}`;
}

function typeOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}
