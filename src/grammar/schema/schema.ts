import { ShimmyError } from "../../errors.ts";
import { MAX_SCHEMA_DEPTH, MAX_SCHEMA_NODES } from "../expression/mod.ts";

/** A schema that is an object; its keywords are checked as they are read. */
export type SchemaNode = Readonly<Record<string, unknown>>;
export type Schema = boolean | SchemaNode;

const SINGLE = [
  "items",
  "additionalItems",
  "additionalProperties",
  "propertyNames",
  "contains",
  "not",
  "if",
  "then",
  "else",
  "unevaluatedItems",
  "unevaluatedProperties",
];
const LISTS = ["allOf", "anyOf", "oneOf", "prefixItems", "items"];
const MAPS = ["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"];

/** Where identifiers are resolved when the schema has none of its own. */
const NO_BASE = "schema:/";

/** One schema as it was sent: where its parts lie, what they are called, and what references mean. */
export class SchemaDocument {
  readonly root: Schema;
  readonly #pointers = new Map<SchemaNode, string>();
  readonly #bases = new Map<SchemaNode, string>();
  readonly #ids = new Map<SchemaNode, number>();
  /** Roots of resources by their absolute URI, and anchors by URI and name. */
  readonly #resources = new Map<string, Schema>();
  readonly #anchors = new Map<string, SchemaNode>();

  /**
   * @param field What errors call the schema: the request's field that holds it.
   * @throws {ShimmyError} if it is not a schema, or too large.
   */
  constructor(root: unknown, readonly field: string) {
    this.#measure(root);
    this.root = this.schema(root, "#");
    this.#resources.set(NO_BASE, this.root);
    this.#index(this.root, "#", NO_BASE);
  }

  /** A JSON pointer to the node, as a URI fragment. */
  pointerOf(node: SchemaNode): string {
    return this.#pointers.get(node) ?? "#";
  }

  /** A number that is the node's own. */
  idOf(node: SchemaNode): number {
    const known = this.#ids.get(node);
    if (known !== undefined) return known;
    this.#ids.set(node, this.#ids.size);
    return this.#ids.size - 1;
  }

  /** Checks that a value may be a schema. */
  schema(value: unknown, pointer: string): Schema {
    if (typeof value === "boolean") return value;
    if (isRecord(value)) {
      if (!this.#pointers.has(value)) this.#pointers.set(value, pointer);
      return value;
    }
    throw this.#invalid(`a schema must be an object or a boolean, at ${pointer}`);
  }

  /** Refuses a keyword that is well-formed but beyond what a grammar can hold. */
  refuse(node: SchemaNode, keyword: string, why: string): ShimmyError {
    return this.#invalid(`${keyword} at ${this.pointerOf(node)} cannot be expressed: ${why}`);
  }

  /** Refuses a keyword whose value is malformed. */
  malformed(node: SchemaNode, keyword: string, what: string): ShimmyError {
    return this.#invalid(`${keyword} at ${this.pointerOf(node)} must be ${what}`);
  }

  /** What a `$ref` in a node points to. */
  resolve(node: SchemaNode, reference: string): Schema {
    const [path, fragment = ""] = reference.split("#", 2) as [string, string?];
    const base = resolveUri(path, this.#bases.get(node) ?? NO_BASE);
    const resource = this.#resources.get(base);
    if (resource === undefined) {
      throw this.refuse(node, "$ref", `"${reference}" lies outside the schema`);
    }
    const name = decode(fragment);
    if (name === "") return resource;
    if (!name.startsWith("/")) {
      const anchored = this.#anchors.get(`${base}#${name}`);
      if (anchored !== undefined) return anchored;
      throw this.refuse(node, "$ref", `the schema has no anchor "${name}"`);
    }
    let at: unknown = resource;
    for (const token of name.slice(1).split("/")) {
      const key = token.replaceAll("~1", "/").replaceAll("~0", "~");
      if (typeof at !== "object" || at === null || !Object.hasOwn(at, key)) {
        throw this.refuse(node, "$ref", `"${reference}" points at nothing`);
      }
      at = (at as Record<string, unknown>)[key];
    }
    return this.schema(at, `#${name}`);
  }

  #invalid(what: string): ShimmyError {
    return new ShimmyError("invalid", `${this.field}: ${what}`, { field: this.field });
  }

  #measure(root: unknown): void {
    const pending: [unknown, number][] = [[root, 0]];
    let count = 0;
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      const [value, depth] = next;
      if (typeof value !== "object" || value === null) continue;
      if (depth > MAX_SCHEMA_DEPTH) {
        throw this.#invalid(`the schema nests deeper than ${MAX_SCHEMA_DEPTH} levels`);
      }
      if (++count > MAX_SCHEMA_NODES) {
        throw this.#invalid(`the schema has more than ${MAX_SCHEMA_NODES} objects and arrays`);
      }
      for (const child of Object.values(value)) pending.push([child, depth + 1]);
    }
  }

  #index(schema: unknown, pointer: string, outer: string): void {
    if (!isRecord(schema)) return;
    if (!this.#pointers.has(schema)) this.#pointers.set(schema, pointer);
    const base = this.#enter(schema, outer);
    for (const [key, value] of Object.entries(schema)) {
      const at = `${pointer}/${escapeToken(key)}`;
      if (LISTS.includes(key) && Array.isArray(value)) {
        value.forEach((item, index) => this.#index(item, `${at}/${index}`, base));
      } else if (MAPS.includes(key) && isRecord(value)) {
        for (const [name, item] of Object.entries(value)) {
          this.#index(item, `${at}/${escapeToken(name)}`, base);
        }
      } else if (SINGLE.includes(key)) {
        this.#index(value, at, base);
      }
    }
  }

  /** Notes a node's identifiers and returns the base for what is below it. */
  #enter(node: SchemaNode, outer: string): string {
    const id = node.$id;
    const base = typeof id === "string" ? resolveUri(id.split("#", 1)[0]!, outer) : outer;
    if (base !== outer) this.#resources.set(base, node);
    this.#bases.set(node, base);
    for (const key of ["$anchor", "$dynamicAnchor"]) {
      const anchor = node[key];
      if (typeof anchor === "string") this.#anchors.set(`${base}#${anchor}`, node);
    }
    return base;
  }
}

/** True for what JSON calls an object. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function resolveUri(path: string, base: string): string {
  if (path === "") return base;
  return URL.canParse(path, base) ? new URL(path, base).href : path;
}

function decode(fragment: string): string {
  try {
    return decodeURIComponent(fragment);
  } catch {
    return fragment;
  }
}

function escapeToken(key: string): string {
  return key.replaceAll("~", "~0").replaceAll("/", "~1");
}
