import { ShimmyError } from "../../../errors.ts";

/**
 * Maximum nesting depth of a request. Validation, templates and grammars recurse, and their stack is
 * finite. Schemas have 256 levels, and a request has some around them.
 */
const MAX_DEPTH = 512;

/**
 * Parses the JSON text of a request. A negative zero becomes zero, as in most languages, where it is
 * no integer of its own.
 *
 * @param field Name of the whole value in errors.
 * @throws {SyntaxError} for a text that is not JSON.
 * @throws {ShimmyError} `invalid` for a value that nests too deep.
 */
export function parseJsonValue(text: string, field: string): unknown {
  const root = { value: JSON.parse(text) as unknown };
  const pending: [container: Record<string, unknown>, depth: number][] = [[root, 0]];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const [container, depth] = next;
    if (depth > MAX_DEPTH) {
      throw new ShimmyError("invalid", `${field}: values nest deeper than ${MAX_DEPTH} levels`, {
        field,
      });
    }
    for (const key in container) {
      const value = container[key];
      if (typeof value === "object" && value !== null) {
        pending.push([value as Record<string, unknown>, depth + 1]);
      } else if (value === 0) container[key] = 0;
    }
  }
  return root.value;
}
