import { ShimmyError } from "../../errors.ts";
import { MAX_SCHEMA_DEPTH, MAX_SCHEMA_NODES } from "../expression/mod.ts";

/** A schema object. Its keywords are checked when they are read. */
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

/** Base URI of a schema without an identifier. */
const NO_BASE = "schema:/";

/** An error that names the node and the keyword which cause it. */
export class SchemaFault extends ShimmyError {
  constructor(message: string, field: string, readonly node: SchemaNode, readonly keyword: string) {
    super("invalid", message, { field });
  }
}

/** A schema document: locations of its nodes, identifiers and references. */
export class SchemaDocument {
  readonly root: Schema;
  readonly #pointers = new Map<SchemaNode, string>();
  readonly #bases = new Map<SchemaNode, string>();
  readonly #ids = new Map<SchemaNode, number>();
  /** Resource roots by absolute URI, and anchors by URI and name. */
  readonly #resources = new Map<string, Schema>();
  readonly #anchors = new Map<string, SchemaNode>();

  /**
   * @param field Name of the schema in errors: the field of the request.
   * @throws {ShimmyError} If the value is not a schema, or is too large.
   */
  constructor(root: unknown, readonly field: string) {
    this.#checkSize(root);
    this.root = this.schema(root, "#");
    this.#resources.set(NO_BASE, this.root);
    this.#index(this.root, "#", NO_BASE);
  }

  /** JSON pointer of the node, as a URI fragment. */
  pointerOf(node: SchemaNode): string {
    return this.#pointers.get(node) ?? "#";
  }

  /** A unique number of the node. */
  idOf(node: SchemaNode): number {
    const known = this.#ids.get(node);
    if (known !== undefined) return known;
    this.#ids.set(node, this.#ids.size);
    return this.#ids.size - 1;
  }

  /** Checks that a value is a schema. */
  schema(value: unknown, pointer: string): Schema {
    if (typeof value === "boolean") return value;
    if (isRecord(value)) {
      if (!this.#pointers.has(value)) this.#pointers.set(value, pointer);
      return value;
    }
    throw this.#invalid(`a schema must be an object or a boolean, at ${pointer}`);
  }

  /** An error for a well-formed keyword that a grammar cannot express. */
  unsupported(node: SchemaNode, keyword: string, reason: string): ShimmyError {
    return this.#fault(node, keyword, `cannot be expressed: ${reason}`);
  }

  /** An error for a malformed keyword. */
  malformed(node: SchemaNode, keyword: string, what: string): ShimmyError {
    return this.#fault(node, keyword, `must be ${what}`);
  }

  /** The nodes of the document. */
  get nodes(): SchemaNode[] {
    return [...this.#pointers.keys()];
  }

  /** The target of a `$ref` in a node. */
  resolve(node: SchemaNode, reference: string): Schema {
    const [path, fragment = ""] = reference.split("#", 2) as [string, string?];
    const base = resolveUri(path, this.#bases.get(node) ?? NO_BASE);
    const resource = this.#resources.get(base);
    if (resource === undefined) {
      throw this.unsupported(node, "$ref", `"${reference}" is outside of the schema`);
    }
    const name = decode(fragment);
    if (name === "") return resource;
    if (!name.startsWith("/")) {
      const anchored = this.#anchors.get(`${base}#${name}`);
      if (anchored !== undefined) return anchored;
      throw this.unsupported(node, "$ref", `the schema has no anchor "${name}"`);
    }
    let at: unknown = resource;
    for (const token of name.slice(1).split("/")) {
      const key = token.replaceAll("~1", "/").replaceAll("~0", "~");
      if (typeof at !== "object" || at === null || !Object.hasOwn(at, key)) {
        throw this.unsupported(node, "$ref", `"${reference}" has no target`);
      }
      at = (at as Record<string, unknown>)[key];
    }
    return this.schema(at, `#${name}`);
  }

  #fault(node: SchemaNode, keyword: string, what: string): SchemaFault {
    const message = `${this.field}: ${keyword} at ${this.pointerOf(node)} ${what}`;
    return new SchemaFault(message, this.field, node, keyword);
  }

  #invalid(what: string): ShimmyError {
    return new ShimmyError("invalid", `${this.field}: ${what}`, { field: this.field });
  }

  #checkSize(root: unknown): void {
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
    const base = this.#registerIdentifiers(schema, outer);
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

  /** Registers a node's identifiers. Returns the base URI of its children. */
  #registerIdentifiers(node: SchemaNode, outer: string): string {
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

/** True for a JSON object. */
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
