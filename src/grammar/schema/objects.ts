import {
  accepts,
  type Dfa,
  difference,
  everything,
  intersection,
  isEmptyLanguage,
  textsAutomaton,
} from "../regex/mod.ts";
import type { Context } from "./context.ts";
import {
  readCount,
  readMap,
  readRequired,
  readSchemas,
  type Schema,
  type SchemaNode,
} from "../document/mod.ts";
import { MAX_KEY_PATTERNS } from "../expression/mod.ts";
import { nameAutomaton } from "./strings.ts";

/** Combined object constraints of several nodes. */
export interface ObjectShape {
  /** Declared properties in schema order, then required ones without a declaration. */
  readonly names: readonly string[];
  readonly required: ReadonlySet<string>;
  readonly min: number;
  readonly max: number;
  /** Property names that `propertyNames` allows; null if it allows all. */
  readonly allowed: Dfa | null;
  /**
   * True if undeclared properties are allowed. If the schema lists properties and does not mention
   * others, none are allowed: the result is still valid, and models stop at the declared
   * properties.
   */
  readonly open: boolean;
}

export function objectShape(context: Context, nodes: readonly SchemaNode[]): ObjectShape {
  return context.memoNodes(nodes, "object", () => readShape(context, nodes));
}

function readShape(context: Context, nodes: readonly SchemaNode[]): ObjectShape {
  const { document } = context;
  const required = new Set(nodes.flatMap((node) => readRequired(document, node)));
  const declared = nodes.flatMap((node) => [...properties(context, node).keys()]);
  const names = [...new Set([...declared, ...required])];
  // A property with the schema `false` is not mentioned, but forbidden.
  const mentions = required.size > 0 ||
    nodes.some((node) =>
      [...properties(context, node).values()].some((schema) => schema !== false)
    );
  const counts = (key: string) => nodes.flatMap((node) => readCount(document, node, key) ?? []);
  const min = Math.max(0, ...counts("minProperties"));
  const schemas = nodes.flatMap((node) => readSchemas(document, node, "propertyNames"));
  return {
    names,
    required,
    min,
    max: Math.min(Infinity, ...counts("maxProperties")),
    allowed: nameAutomaton(context, schemas),
    open: !mentions || names.length < min ||
      nodes.some((node) => "additionalProperties" in node || "patternProperties" in node),
  };
}

/** The schemas of a property. */
export function propertySchemas(
  context: Context,
  nodes: readonly SchemaNode[],
  name: string,
): Schema[] {
  return nodes.flatMap((node) => {
    const own = properties(context, node).get(name);
    const matched = patterns(context, node).filter(({ dfa }) => accepts(dfa, name))
      .map(({ schema }) => schema);
    return own !== undefined
      ? [own, ...matched]
      : matched.length > 0
      ? matched
      : rest(context, node);
  });
}

/** Undeclared names with the same schemas: those that match the same patterns. */
export interface NameClass {
  /** The names; null means all strings. */
  readonly names: Dfa | null;
  readonly schemas: readonly Schema[];
}

/** The classes of undeclared names of an object. */
export function nameClasses(
  context: Context,
  nodes: readonly SchemaNode[],
  { names, allowed }: ObjectShape,
): NameClass[] {
  const all = nodes.flatMap((node) => patterns(context, node).map((entry) => ({ node, ...entry })));
  const sources = [...new Map(all.map((entry) => [entry.source, entry])).values()];
  const holder = sources[0]?.node ?? nodes.find((node) => "additionalProperties" in node) ??
    nodes[0];
  if (holder === undefined) return [{ names: null, schemas: [] }];
  const keyword = sources.length > 0 ? "patternProperties" : "properties";
  if (sources.length > MAX_KEY_PATTERNS) {
    const reason = `more than ${MAX_KEY_PATTERNS} patterns apply to one object`;
    throw context.document.unsupported(holder, keyword, reason);
  }
  const classes: NameClass[] = [];
  for (let mask = 0; mask < 2 ** sources.length; mask++) {
    const matched = sources.filter((_, index) => (mask >> index) & 1);
    const schemas = nodes.flatMap((node) => {
      const own = patterns(context, node)
        .filter(({ source }) => matched.some((entry) => entry.source === source));
      return own.length > 0 ? own.map(({ schema }) => schema) : rest(context, node);
    });
    // If the schema has patterns and no `additionalProperties`, names without a pattern are left
    // out.
    const hasAdditional = nodes.some((node) => "additionalProperties" in node);
    if (matched.length === 0 && sources.length > 0 && !hasAdditional) continue;
    const automaton = context.buildAutomaton(holder, keyword, () => {
      let dfa = intersection(allowed ?? everything(), ...matched.map((entry) => entry.dfa));
      for (const entry of sources) {
        if (!matched.includes(entry)) dfa = difference(dfa, entry.dfa);
      }
      return names.length > 0 ? difference(dfa, textsAutomaton(names)) : dfa;
    });
    if (isEmptyLanguage(automaton)) continue;
    const allowsAll = names.length === 0 && sources.length === 0 && allowed === null;
    classes.push({ names: allowsAll ? null : automaton, schemas });
  }
  return classes;
}

function properties(context: Context, node: SchemaNode): ReadonlyMap<string, Schema> {
  return context.memoNode(node, "properties", () => readMap(context.document, node, "properties"));
}

interface KeyPattern {
  readonly source: string;
  readonly dfa: Dfa;
  readonly schema: Schema;
}

function patterns(context: Context, node: SchemaNode): readonly KeyPattern[] {
  return context.memoNode(
    node,
    "patternProperties",
    () =>
      [...readMap(context.document, node, "patternProperties")].map(([source, schema]) => ({
        source,
        dfa: context.pattern(node, "patternProperties", source),
        schema,
      })),
  );
}

function rest(context: Context, node: SchemaNode): Schema[] {
  return readSchemas(context.document, node, "additionalProperties");
}
