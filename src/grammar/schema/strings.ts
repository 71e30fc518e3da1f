import {
  accepts,
  anyOf,
  type Dfa,
  everything,
  intersection,
  lengths,
  PatternError,
  textsAutomaton,
} from "../regex/mod.ts";
import { conjunct, readFormat } from "./conjunct.ts";
import type { Context } from "./context.ts";
import {
  alt,
  EMPTY,
  type Expr,
  MAX_COUNTED_LENGTH,
  ref,
  repeat,
  seq,
  text,
} from "../expression/mod.ts";
import { formatAutomaton } from "./formats.ts";
import { jsonCharacter, type Rules } from "../rules/mod.ts";
import { readCount, readString } from "./keywords.ts";
import type { Schema, SchemaNode } from "./schema.ts";

/** What nodes together demand of a string. */
export interface StringDemand {
  readonly min: number;
  readonly max: number;
  /** What patterns and formats accept together; null where there are none. */
  readonly content: Dfa | null;
  /** The node and keyword to blame where the automaton is too large. */
  readonly blame: { readonly node: SchemaNode; readonly keyword: string } | null;
}

export function stringDemand(context: Context, nodes: readonly SchemaNode[]): StringDemand {
  return context.merged(nodes, "string", () => readDemand(context, nodes));
}

function readDemand(context: Context, nodes: readonly SchemaNode[]): StringDemand {
  const { document } = context;
  let min = 0;
  let max = Infinity;
  let blame: StringDemand["blame"] = null;
  const automata: Dfa[] = [];
  for (const node of nodes) {
    min = Math.max(min, readCount(document, node, "minLength") ?? 0);
    max = Math.min(max, readCount(document, node, "maxLength") ?? Infinity);
    const pattern = readString(document, node, "pattern");
    if (pattern !== undefined) {
      blame = { node, keyword: "pattern" };
      automata.push(context.pattern(node, "pattern", pattern));
    }
    const format = readFormat(context, node);
    const known = format === undefined ? null : formatAutomaton(format);
    if (known !== null) {
      blame ??= { node, keyword: "format" };
      automata.push(known);
    }
  }
  const content = blame === null ? null : context.intersect(blame.node, blame.keyword, automata);
  return { min, max, content, blame };
}

/** The automaton of all strings that are right; null where all are. */
export function stringAutomaton(context: Context, nodes: readonly SchemaNode[]): Dfa | null {
  const { min, max, content, blame } = stringDemand(context, nodes);
  if (min === 0 && max === Infinity) return content;
  const node = blame?.node ?? nodes.find((one) => "minLength" in one || "maxLength" in one)!;
  const keyword = blame?.keyword ?? ("maxLength" in node ? "maxLength" : "minLength");
  return context.regular(
    node,
    keyword,
    () => max < min ? VOID : content === null ? lengths(min, max) : limited(content, min, max),
  );
}

/**
 * The texts of an automaton whose length is within bounds. Counting takes a state for every length: a
 * maximum that takes too many is narrowed until it does not.
 */
function limited(content: Dfa, min: number, max: number): Dfa {
  let most = max === Infinity ? max : Math.min(max, Math.max(min, MAX_COUNTED_LENGTH));
  while (true) {
    try {
      return intersection(content, lengths(min, most));
    } catch (error) {
      if (!(error instanceof PatternError) || most === Infinity || most <= min) throw error;
      most = Math.max(min, most >> 1);
    }
  }
}

const VOID: Dfa = [{ accepts: false, edges: [] }];

/** True if a string keeps to what nodes demand. */
export function stringFits(context: Context, nodes: readonly SchemaNode[], value: string): boolean {
  const { min, max, content } = stringDemand(context, nodes);
  const length = [...value].length;
  return length >= min && length <= max && (content === null || accepts(content, value));
}

/** A JSON string that keeps to what nodes demand. */
export function stringExpr(
  context: Context,
  rules: Rules,
  nodes: readonly SchemaNode[],
  hint: string,
): Expr {
  const { min, max, content } = stringDemand(context, nodes);
  if (content !== null) return automatonString(rules, stringAutomaton(context, nodes)!, hint);
  if (min === 0 && max === Infinity) return ref("json-string");
  return seq(text('"'), repeat(ref("json-char"), min, max), text('"'));
}

/**
 * A JSON string whose content an automaton accepts, one rule a state. Every character has one
 * spelling, so that no escape says what the automaton excludes.
 */
export function automatonString(rules: Rules, dfa: Dfa, hint: string): Expr {
  return seq(text('"'), automatonExpr(rules, dfa, hint, jsonCharacter, text('"')));
}

/** An automaton as rules, one a state; `end` follows what it accepts. */
export function automatonExpr(
  rules: Rules,
  dfa: Dfa,
  hint: string,
  spell: (set: Dfa[number]["edges"][number]["set"]) => Expr,
  end: Expr = EMPTY,
): Expr {
  const names = dfa.map(() => rules.reserve(`${hint}-s`));
  dfa.forEach((state, index) => {
    const forms = state.edges.map(({ set, to }) => seq(spell(set), ref(names[to]!)));
    rules.define(names[index]!, alt(...forms, ...(state.accepts ? [end] : [])), true);
  });
  return ref(names[0]!);
}

/**
 * The automaton of the property names that schemas allow (`propertyNames`); null where all are.
 */
export function nameAutomaton(context: Context, schemas: readonly Schema[]): Dfa | null {
  if (schemas.length === 0) return null;
  const languages: Dfa[] = [];
  for (const way of context.alternatives.of(schemas)) {
    const excluded = way.unless[0];
    if (excluded !== undefined) {
      throw context.document.refuse(excluded.holder, "oneOf", "property names need anyOf");
    }
    const { types, values, nodes } = conjunct(context, way.nodes);
    if (!types.has("string")) continue;
    if (values === null) {
      languages.push(stringAutomaton(context, nodes) ?? everything());
    } else {
      const texts = values.filter((value) => typeof value === "string");
      languages.push(textsAutomaton(texts.filter((value) => stringFits(context, nodes, value))));
    }
  }
  return languages.length === 1 ? languages[0]! : anyOf(languages);
}
