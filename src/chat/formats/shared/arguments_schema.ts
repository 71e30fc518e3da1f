import type { Tool } from "../../conversation/mod.ts";

type Node = Readonly<Record<string, unknown>>;

/** One form of a tool's arguments, for formats that do not write them as one JSON object. */
export interface ArgumentsForm {
  /** Declared arguments in schema order, with the schemas that all apply. */
  readonly members: ReadonlyMap<string, readonly unknown[]>;
  readonly required: ReadonlySet<string>;
  /** Schemas of other arguments; null if there are none. */
  readonly others: readonly unknown[] | null;
}

/** Maximum number of forms that the combinators at the root expand to. */
const MAX_FORMS = 16;
/** Maximum length of a chain of references. */
const MAX_STEPS = 32;
/** Maximum number of schemas that are visited for one value. References can repeat schemas. */
const MAX_VISITS = 500;

const known = new WeakMap<Node, readonly ArgumentsForm[]>();

/** The forms of a tool's arguments: one for each branch of `anyOf` and `oneOf` at the root. */
export function argumentsForms({ parameters }: Tool): readonly ArgumentsForm[] {
  let forms = known.get(parameters);
  if (forms === undefined) {
    known.set(parameters, forms = formsOf(parameters, parameters));
  }
  return forms;
}

/** The forms of an object with a schema below the root. */
export function formsOf(root: Node, schema: unknown): readonly ArgumentsForm[] {
  const forms = expand(root, schema, new Visits()).map(closed);
  return forms.length === 0 ? [closed(EMPTY)] : forms;
}

/** The schemas of an argument in all forms. */
export function schemasOf(tool: Tool, key: string): readonly unknown[] {
  return argumentsForms(tool).flatMap(({ members, others }) => members.get(key) ?? others ?? []);
}

/** A schema that stands for itself: its references have targets. */
export function standalone({ parameters }: Tool, schemas: readonly unknown[]): unknown {
  const { $defs, definitions } = parameters;
  const own = schemas.length === 1 ? schemas[0] : { allOf: schemas };
  if ($defs === undefined && definitions === undefined) return own;
  return {
    allOf: schemas.length === 0 ? [{}] : schemas,
    ...($defs === undefined ? {} : { $defs }),
    ...(definitions === undefined ? {} : { definitions }),
  };
}

/** The target of a schema's reference in the parameters; the schema itself without a reference. */
export function resolved(root: Node, schema: unknown): unknown {
  let target = schema;
  for (let step = 0; step < MAX_STEPS; step++) {
    const reference = isNode(target) ? target["$ref"] : undefined;
    if (typeof reference !== "string" || !reference.startsWith("#")) return target;
    target = lookUp(root, reference.slice(1));
  }
  return undefined;
}

function lookUp(root: Node, pointer: string): unknown {
  let at: unknown = root;
  for (const token of pointer.split("/").slice(1)) {
    const key = decodeURIComponent(token).replaceAll("~1", "/").replaceAll("~0", "~");
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, key)) return undefined;
    at = (at as Node)[key];
  }
  return at;
}

/** A form whose other arguments may not be mentioned yet. */
interface OpenForm {
  readonly members: ReadonlyMap<string, readonly unknown[]>;
  readonly required: ReadonlySet<string>;
  readonly others: readonly unknown[] | "unmentioned" | null;
}

const EMPTY: OpenForm = { members: new Map(), required: new Set(), others: "unmentioned" };

/** Counts visited schemas, so that schemas which repeat each other end. */
export class Visits {
  #count = 0;

  /** False if too many schemas have been visited. */
  next(): boolean {
    return ++this.#count <= MAX_VISITS;
  }
}

function expand(root: Node, schema: unknown, visits: Visits): readonly OpenForm[] {
  const node = resolved(root, schema);
  if (!isNode(node) || !visits.next()) return node === false ? [] : [EMPTY];
  // Arguments are an object. Branches of other types cannot be called.
  const types = [node["type"] ?? "object"].flat();
  if (!types.some((type) => String(type).toLowerCase() === "object")) return [];
  let forms: readonly OpenForm[] = [ownForm(node)];
  for (const branch of listOf(node["allOf"])) {
    forms = combined(forms, expand(root, branch, visits));
  }
  for (const key of ["anyOf", "oneOf"]) {
    const branches = listOf(node[key]);
    if (branches.length === 0) continue;
    forms = combined(forms, branches.flatMap((branch) => expand(root, branch, visits)));
  }
  return forms;
}

function ownForm(node: Node): OpenForm {
  const { properties, required, additionalProperties: others } = node;
  const entries = isNode(properties) ? Object.entries(properties) : [];
  const names = listOf(required).filter((name) => typeof name === "string");
  return {
    members: new Map(entries.map(([name, schema]) => [name, [schema]])),
    required: new Set(names),
    others: others === undefined ? "unmentioned" : others === false ? null : [others],
  };
}

function combined(a: readonly OpenForm[], b: readonly OpenForm[]): readonly OpenForm[] {
  if (a.length * b.length > MAX_FORMS) return a;
  return a.flatMap((left) => b.map((right) => both(left, right)));
}

function both(a: OpenForm, b: OpenForm): OpenForm {
  const members = new Map(a.members);
  for (const [name, schemas] of b.members) {
    members.set(name, [...members.get(name) ?? [], ...schemas]);
  }
  const others = a.others === null || b.others === null
    ? null
    : a.others === "unmentioned"
    ? b.others
    : b.others === "unmentioned"
    ? a.others
    : [...a.others, ...b.others];
  return { members, required: new Set([...a.required, ...b.required]), others };
}

/** Required arguments are declared. If others are not mentioned, there are none beside these. */
function closed({ members, required, others }: OpenForm): ArgumentsForm {
  const all = new Map(members);
  const undeclared = others === "unmentioned" || others === null ? [] : others;
  for (const name of required) if (!all.has(name)) all.set(name, undeclared);
  if (others !== "unmentioned") return { members: all, required, others };
  return { members: all, required, others: all.size === 0 ? [] : null };
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
