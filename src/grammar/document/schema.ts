import { ShimmyError } from "../../errors.ts";
import { MAX_SCHEMA_DEPTH, MAX_SCHEMA_NODES } from "../expression/mod.ts";
import { withoutNulls } from "./nulls.ts";
import { LISTS, MAPS, SINGLE } from "./subschemas.ts";

/** A schema object. Its keywords are checked when they are read. */
export type SchemaNode = Readonly<Record<string, unknown>>;
export type Schema = boolean | SchemaNode;

/** Base URI of a schema without an identifier. */
const NO_BASE = "schema:/";
/** The only name of `$recursiveAnchor`. Anchors have no spaces. */
const RECURSIVE = "recursive anchor";
/** Number of ignored keywords that a notice lists. */
const MAX_NOTED = 8;

/** An error that names the node and the keyword which cause it. */
export class SchemaFault extends ShimmyError {
  constructor(message: string, field: string, readonly node: SchemaNode, readonly keyword: string) {
    super("invalid", message, { field });
  }
}

/** A node and its keyword. */
export interface Origin {
  readonly node: SchemaNode;
  readonly keyword: string;
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
  /** Nodes by the name of their dynamic anchor. */
  readonly #dynamic = new Map<string, SchemaNode[]>();
  readonly #derived = new Map<SchemaNode, Map<string, SchemaNode>>();
  /** The client's objects. */
  readonly #given = new WeakSet<object>();
  /** The keywords that derived nodes come from. */
  readonly #origins = new Map<object, Origin>();
  /** Keywords without an effect, with the location of their first use. */
  readonly #ignored = new Map<string, string>();
  /** True if `id` is an identifier, as in draft 4 and earlier. */
  readonly #plainIds: boolean;
  /** True if identifiers beside a `$ref` have no effect, as in draft 7 and earlier. */
  readonly #refStandsAlone: boolean;

  /**
   * @param given The schema. Keywords that are null are absent.
   * @param field Name of the schema in errors: the field of the request.
   * @param isStrict Refuse formats that are not known, instead of ignoring them.
   * @throws {ShimmyError} If the value is not a schema, or is too large.
   */
  constructor(given: unknown, readonly field: string, readonly isStrict = false) {
    this.#checkSize(given);
    const root = withoutNulls(given);
    if (root !== given) this.#checkSize(root);
    const dialect = isRecord(root) ? root.$schema : undefined;
    this.#plainIds = typeof dialect !== "string" || /draft-0[34]/.test(dialect);
    this.#refStandsAlone = typeof dialect === "string" && /draft-0[3-7]/.test(dialect);
    this.root = this.schema(root, "#");
    this.#resources.set(NO_BASE, this.root);
    this.#index(this.root, "#", NO_BASE);
  }

  /** Notices about keywords and formats that have no effect. */
  get notices(): readonly string[] {
    if (this.#ignored.size === 0) return [];
    const all = [...this.#ignored].map(([what, pointer]) => `${what} (at ${pointer})`);
    const more = all.length > MAX_NOTED ? ` and ${all.length - MAX_NOTED} more` : "";
    return [`${this.field}: ignored ${all.slice(0, MAX_NOTED).join(", ")}${more}`];
  }

  /** Notes that a part of a node has no effect. */
  ignore(node: SchemaNode, what: string): void {
    if (!this.#ignored.has(what)) this.#ignored.set(what.slice(0, 80), this.pointerOf(node));
  }

  /**
   * A node that follows from a keyword of another node: it has the same location, and the same base
   * for references. It is created once for each key, so that recursion ends.
   *
   * @param origin The node and keyword for errors, if it is not `node`.
   */
  derive(
    node: SchemaNode,
    keyword: string,
    key: string,
    make: () => SchemaNode,
    origin: Origin = { node, keyword },
  ): SchemaNode {
    const known = this.#derived.get(node) ?? new Map<string, SchemaNode>();
    this.#derived.set(node, known);
    let derived = known.get(`${keyword}/${key}`);
    if (derived === undefined) {
      derived = make();
      this.#pointers.set(derived, this.pointerOf(node));
      this.#bases.set(derived, this.#bases.get(node) ?? NO_BASE);
      this.#setOrigin(derived, this.#origins.get(origin.node) ?? origin);
      known.set(`${keyword}/${key}`, derived);
    }
    return derived;
  }

  #setOrigin(value: unknown, origin: Origin): void {
    if (typeof value !== "object" || value === null || this.#given.has(value)) return;
    this.#origins.set(value, origin);
    for (const child of Object.values(value)) this.#setOrigin(child, origin);
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

  /** The client's nodes. */
  get nodes(): SchemaNode[] {
    return [...this.#pointers.keys()].filter((node) => this.#given.has(node));
  }

  /** The target of a `$ref` in a node. */
  resolve(node: SchemaNode, reference: string, keyword = "$ref"): Schema {
    const [path, fragment = ""] = reference.split("#", 2) as [string, string?];
    const base = resolveUri(path, this.#bases.get(node) ?? NO_BASE);
    const resource = this.#resources.get(base);
    if (resource === undefined) {
      throw this.unsupported(node, keyword, `"${reference}" is outside of the schema`);
    }
    const name = decode(fragment);
    if (name === "") return resource;
    if (!name.startsWith("/")) {
      const anchored = this.#anchors.get(`${base}#${name}`);
      if (anchored !== undefined) return anchored;
      throw this.unsupported(node, keyword, `the schema has no anchor "${name}"`);
    }
    // A pointer from the root of the document is accepted too: some schemas have identifiers that
    // they do not use.
    const target = targetOf(resource, name) ??
      (path === "" ? targetOf(this.root, name) : undefined);
    if (target === undefined) {
      throw this.unsupported(node, keyword, `"${reference}" has no target`);
    }
    return this.schema(target, `#${name}`);
  }

  /**
   * The target of a `$dynamicRef` or `$recursiveRef`, if it is the same wherever the reference is
   * used.
   */
  resolveDynamic(node: SchemaNode, reference: string, keyword: string): Schema {
    const target = this.resolve(node, reference, keyword);
    const anchor = reference.split("#", 2)[1] ?? "";
    const name = keyword === "$recursiveRef" ? RECURSIVE : decode(anchor);
    const candidates = this.#dynamic.get(name) ?? [];
    const moves = isRecord(target) &&
      (keyword === "$recursiveRef"
        ? target.$recursiveAnchor === true
        : target.$dynamicAnchor === name);
    if (!moves || candidates.length === 1) return target;
    throw this.unsupported(node, keyword, "its target depends on where it is used; use $ref");
  }

  #fault(source: SchemaNode, own: string, what: string): SchemaFault {
    const { node, keyword } = this.#origins.get(source) ?? { node: source, keyword: own };
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
      this.#given.add(value);
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
    const id = typeof node.$ref === "string" && this.#refStandsAlone
      ? undefined
      : node.$id ?? (this.#plainIds ? node.id : undefined);
    const [path, fragment = ""] = typeof id === "string"
      ? id.split("#", 2) as [string, string?]
      : [""];
    const base = path === "" ? outer : resolveUri(path, outer);
    if (base !== outer && !this.#resources.has(base)) this.#resources.set(base, node);
    this.#bases.set(node, base);
    // Before draft 2019-09, an identifier "#name" was an anchor.
    for (const anchor of [node.$anchor, node.$dynamicAnchor, fragment]) {
      if (typeof anchor === "string" && anchor !== "" && !this.#anchors.has(`${base}#${anchor}`)) {
        this.#anchors.set(`${base}#${anchor}`, node);
      }
    }
    if (typeof node.$dynamicAnchor === "string") this.#addDynamic(node.$dynamicAnchor, node);
    if (node.$recursiveAnchor === true) this.#addDynamic(RECURSIVE, node);
    return base;
  }

  #addDynamic(name: string, node: SchemaNode): void {
    this.#dynamic.set(name, [...(this.#dynamic.get(name) ?? []), node]);
  }
}

function targetOf(resource: unknown, pointer: string): unknown {
  let at = resource;
  for (const token of pointer.slice(1).split("/")) {
    const key = token.replaceAll("~1", "/").replaceAll("~0", "~");
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, key)) return undefined;
    at = (at as Record<string, unknown>)[key];
  }
  return at;
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
