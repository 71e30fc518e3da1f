import { ShimmyError } from "../../../errors.ts";

/**
 * Maximum nesting depth of a request. Validation, templates and grammars recurse, and their stack is
 * finite. Schemas have 256 levels, and a request has some around them.
 */
const MAX_DEPTH = 512;
/** Levels of the path in the error, so that it names the field. */
const NAMED_LEVELS = 4;

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
  const pending: [container: Record<string, unknown>, depth: number, path: string][] = [
    [root, 0, ""],
  ];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const [container, depth, path] = next;
    if (depth > MAX_DEPTH) throw tooDeep(path || field);
    for (const key in container) {
      const value = container[key];
      if (typeof value === "object" && value !== null) {
        // The first level is the whole value.
        const isNamed = depth > 0 && depth <= NAMED_LEVELS;
        const step = Array.isArray(container) ? `[${key}]` : path === "" ? key : `.${key}`;
        const inner = isNamed ? path + step : path;
        pending.push([value as Record<string, unknown>, depth + 1, inner]);
      } else if (value === 0) container[key] = 0;
    }
  }
  return root.value;
}

function tooDeep(field: string): ShimmyError {
  const message = `${field}: values nest deeper than ${MAX_DEPTH} levels`;
  return new ShimmyError("invalid", message, { field });
}
