import { ShimmyError } from "../../errors.ts";
import type { Message, Tool } from "./conversation.ts";

type Node = Record<string, unknown>;

/**
 * Nesting depth of objects and arrays in the parameters of a tool or the arguments of a call.
 * Templates and grammars recurse, and their stack is finite.
 */
export const MAX_NESTING = 256;

const SINGLE = ["items", "additionalItems", "additionalProperties", "propertyNames", "contains"];
const LISTS = ["allOf", "anyOf", "oneOf", "prefixItems", "items"];
const MAPS = ["properties", "patternProperties", "$defs", "definitions"];
/** Keywords whose value is any JSON value, also null. */
const VALUES = ["const", "default", "example", "examples"];

/**
 * A tool whose schema has the forms that templates and grammars expect. Clients write `null` for
 * keywords that are absent, and `required: true` in a property (draft 3).
 *
 * @throws {ShimmyError} `invalid` with the field if the schema nests too deep.
 */
export function withUsableSchema(tool: Tool, index: number): Tool {
  const { field = `tools[${index}]` } = tool;
  checkNesting(tool.parameters, field, `the parameters of '${tool.name}'`);
  const parameters = usable(tool.parameters) as Node;
  return parameters === tool.parameters ? tool : { ...tool, parameters };
}

/** @throws {ShimmyError} `invalid` if the arguments of a call in the messages nest too deep. */
export function checkCallNesting(messages: readonly Message[]): void {
  for (const [index, { toolCalls = [] }] of messages.entries()) {
    for (const { name, arguments: json } of toolCalls) {
      if (bracketDepth(json) <= MAX_NESTING) continue;
      throw tooDeep(`messages[${index}]`, `the arguments of the call of '${name}'`);
    }
  }
}

/** Maximum number of open brackets outside of strings. */
function bracketDepth(json: string): number {
  let [depth, deepest, inString] = [0, 0, false];
  for (let at = 0; at < json.length; at++) {
    const character = json[at];
    if (inString) {
      if (character === "\\") at++;
      else if (character === '"') inString = false;
    } else if (character === '"') inString = true;
    else if (character === "{" || character === "[") deepest = Math.max(deepest, ++depth);
    else if (character === "}" || character === "]") depth--;
  }
  return deepest;
}

function checkNesting(value: unknown, field: string, what: string): void {
  const pending: [unknown, number][] = [[value, 1]];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const [item, depth] = next;
    if (typeof item !== "object" || item === null) continue;
    if (depth > MAX_NESTING) throw tooDeep(field, what);
    for (const child of Object.values(item)) pending.push([child, depth + 1]);
  }
}

function tooDeep(field: string, what: string): ShimmyError {
  const message = `${field}: ${what} nest deeper than ${MAX_NESTING} levels`;
  return new ShimmyError("invalid", message, { field });
}

/** A schema in the expected form; the same object if nothing has to change. */
function usable(schema: unknown): unknown {
  // A schema that is null does not restrict its value.
  if (schema === null) return {};
  if (!isNode(schema)) return schema;
  const entries: [string, unknown][] = [];
  const required = requiredOf(schema);
  let isChanged = false;
  for (const [key, value] of Object.entries(schema)) {
    const kept = keywordOf(key, value, required);
    isChanged ||= kept !== value;
    if (kept !== undefined) entries.push([key, kept]);
  }
  if (required !== null && !("required" in schema)) {
    entries.push(["required", required]);
    isChanged = true;
  }
  return isChanged ? Object.fromEntries(entries) : schema;
}

/** The usable value of a keyword; undefined if it is left out. */
function keywordOf(key: string, value: unknown, required: readonly string[] | null): unknown {
  if (VALUES.includes(key)) return value;
  if (value === null) return undefined;
  if (key === "required") {
    return Array.isArray(value) && required?.length === value.length
      ? value
      : required ?? undefined;
  }
  if (key === "type" && Array.isArray(value)) {
    return value.includes(null) ? value.map((type) => type ?? "null") : value;
  }
  if (MAPS.includes(key)) return isNode(value) ? mapped(value) : undefined;
  if (LISTS.includes(key) && Array.isArray(value)) return listed(value);
  return SINGLE.includes(key) ? usable(value) : value;
}

function mapped(schemas: Node): Node {
  const entries = Object.entries(schemas).map(([name, schema]) => [name, usable(schema)] as const);
  return entries.some(([name, schema]) => schema !== schemas[name])
    ? Object.fromEntries(entries)
    : schemas;
}

function listed(schemas: readonly unknown[]): readonly unknown[] {
  const all = schemas.map(usable);
  return all.some((schema, index) => schema !== schemas[index]) ? all : schemas;
}

/** The required properties, also those that say so themselves; null if there are none. */
function requiredOf(schema: Node): string[] | null {
  const listed = Array.isArray(schema["required"])
    ? schema["required"].filter((name) => typeof name === "string")
    : [];
  const properties = isNode(schema["properties"]) ? Object.entries(schema["properties"]) : [];
  const own = properties.filter(([, value]) => isNode(value) && value["required"] === true)
    .map(([name]) => name);
  const all = [...new Set([...listed, ...own])];
  return all.length > 0 || Array.isArray(schema["required"]) ? all : null;
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
