import { ShimmyError } from "./errors.ts";

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
  // Two lists instead of one of pairs: a request can have many values.
  const pending: Container[] = [root];
  const depths = [0];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const depth = depths.pop()!;
    if (depth > MAX_DEPTH) throw tooDeep(deepPath(root.value) || field);
    const inner = (value: unknown) => {
      if (!isContainer(value)) return false;
      pending.push(value);
      depths.push(depth + 1);
      return true;
    };
    if (Array.isArray(next)) {
      // By index: `for in` makes a text of each.
      for (let index = 0; index < next.length; index++) {
        if (!inner(next[index]) && next[index] === 0) next[index] = 0;
      }
    } else {
      for (const key in next) if (!inner(next[key]) && next[key] === 0) next[key] = 0;
    }
  }
  return root.value;
}

/**
 * Parses the JSON text of a request in UTF-8, as {@linkcode parseJsonValue} does.
 *
 * @throws {ShimmyError} `invalid` for bytes that are not JSON in UTF-8, and for a value that nests too deep.
 */
export function parseJsonBytes(bytes: Uint8Array, field: string): unknown {
  return withParseErrors(
    () => parseJsonValue(new TextDecoder("utf-8", { fatal: true }).decode(bytes), field),
    field,
    "JSON in UTF-8",
  );
}

/**
 * Parses the JSON text of a request, as {@linkcode parseJsonValue} does.
 *
 * @throws {ShimmyError} `invalid` for a text that is not JSON, and for a value that nests too deep.
 */
export function parseJsonText(text: string, field: string): unknown {
  return withParseErrors(() => parseJsonValue(text, field), field, "JSON");
}

function withParseErrors(parse: () => unknown, field: string, form: string): unknown {
  try {
    return parse();
  } catch (cause) {
    if (cause instanceof ShimmyError) throw cause;
    throw new ShimmyError("invalid", `${field}: must be ${form}`, { field, cause });
  }
}

type Container = Record<string, unknown>;

/** The first steps of the way to a value that nests too deep. */
function deepPath(value: unknown): string {
  const pending: [value: unknown, depth: number, path: string][] = [[value, 1, ""]];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const [container, depth, path] = next;
    if (!isContainer(container)) continue;
    if (depth > MAX_DEPTH) return path;
    for (const [key, inner] of Object.entries(container)) {
      const step = Array.isArray(container) ? `[${key}]` : path === "" ? key : `.${key}`;
      pending.push([inner, depth + 1, depth <= NAMED_LEVELS ? path + step : path]);
    }
  }
  return "";
}

function isContainer(value: unknown): value is Container {
  return typeof value === "object" && value !== null;
}

function tooDeep(field: string): ShimmyError {
  const message = `${field}: values nest deeper than ${MAX_DEPTH} levels`;
  return new ShimmyError("invalid", message, { field });
}
