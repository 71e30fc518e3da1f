import {
  accepts,
  anyOf,
  type Dfa,
  difference,
  everything,
  intersection,
  lengths,
  PatternError,
  textsAutomaton,
} from "../regex/mod.ts";
import { readFormat, typeConstraint } from "./type_constraint.ts";
import type { Alternative } from "../expansion/mod.ts";
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
import { boundedString, formattedString, jsonCharacter, type Rules } from "../rules/mod.ts";
import { readCount, readString, type Schema, type SchemaNode } from "../document/mod.ts";

/** Maximum length of strings whose rules are not shared. */
const SHORT_LENGTH = 64;

/** Combined string constraints of several nodes. */
export interface StringConstraint {
  readonly min: number;
  readonly max: number;
  /** Automaton of all patterns and formats; null if there are none. */
  readonly content: Dfa | null;
  /** The format, if it is the only constraint of the content. */
  readonly format: string | null;
  /** Equal for equal contents. */
  readonly key: string;
  /** The node and keyword for an error if the automaton is too large. */
  readonly origin: { readonly node: SchemaNode; readonly keyword: string } | null;
}

export function stringConstraint(context: Context, nodes: readonly SchemaNode[]): StringConstraint {
  return context.memoNodes(nodes, "string", () => readConstraint(context, nodes));
}

function readConstraint(context: Context, nodes: readonly SchemaNode[]): StringConstraint {
  const { document } = context;
  let min = 0;
  let max = Infinity;
  let origin: StringConstraint["origin"] = null;
  const automata = new Map<string, Dfa>();
  const formats: string[] = [];
  for (const node of nodes) {
    min = Math.max(min, readCount(document, node, "minLength") ?? 0);
    max = Math.min(max, readCount(document, node, "maxLength") ?? Infinity);
    const pattern = readString(document, node, "pattern");
    if (pattern !== undefined) {
      origin = { node, keyword: "pattern" };
      automata.set(`pattern ${pattern}`, context.pattern(node, "pattern", pattern));
    }
    const format = readFormat(context, node);
    const known = format === undefined ? null : formatAutomaton(format);
    if (format !== undefined && known !== null) {
      formats.push(format);
      origin ??= { node, keyword: "format" };
      automata.set(`format ${format}`, known);
    }
  }
  const key = JSON.stringify([...automata.keys()].sort());
  if (origin === null) return { min, max, content: null, key, format: null, origin };
  const { node, keyword } = origin;
  const content = context.memoLanguage(
    key,
    () => context.intersect(node, keyword, [...automata.values()])!,
  );
  const [format = null] = automata.size === 1 ? formats : [];
  return { min, max, content, key, format, origin };
}

/** What an automaton that would be too large is replaced with: fewer strings, or more. */
export type Rounding = "narrower" | "wider";

/** Automaton of all valid strings; null if all are valid. */
export function stringAutomaton(
  context: Context,
  nodes: readonly SchemaNode[],
  rounding: Rounding = "narrower",
): Dfa | null {
  const constraint = stringConstraint(context, nodes);
  const { min, content, origin } = constraint;
  const counted = rounding === "narrower" || constraint.max <= MAX_COUNTED_LENGTH;
  const max = counted ? constraint.max : Infinity;
  if (min === 0 && max === Infinity) return content;
  const node = origin?.node ?? nodes.find((one) => "minLength" in one || "maxLength" in one)!;
  const keyword = origin?.keyword ?? ("maxLength" in node ? "maxLength" : "minLength");
  const make = () =>
    context.buildAutomaton(
      node,
      keyword,
      () =>
        max < min
          ? EMPTY_LANGUAGE
          : content === null
          ? lengths(min, max)
          : withLengthLimit(content, min, max, rounding),
    );
  return context.memoLanguage(`${rounding} ${min} ${max} ${constraint.key}`, make);
}

/**
 * Restricts an automaton to a range of lengths. Each length needs states. A maximum that needs too
 * many states is reduced.
 */
function withLengthLimit(content: Dfa, min: number, max: number, rounding: Rounding): Dfa {
  let highest = max === Infinity ? max : Math.min(max, Math.max(min, MAX_COUNTED_LENGTH));
  while (true) {
    try {
      return intersection(content, lengths(min, highest));
    } catch (error) {
      if (!(error instanceof PatternError) || highest === Infinity || highest <= min) throw error;
      highest = rounding === "wider" ? Infinity : Math.max(min, highest >> 1);
    }
  }
}

const EMPTY_LANGUAGE: Dfa = [{ accepts: false, edges: [] }];

/** True if a string satisfies the constraints of the nodes. */
export function isValidString(
  context: Context,
  nodes: readonly SchemaNode[],
  value: string,
): boolean {
  const { min, max, content } = stringConstraint(context, nodes);
  const length = [...value].length;
  return length >= min && length <= max && (content === null || accepts(content, value));
}

/** A JSON string that satisfies the constraints of the nodes. */
export function stringExpr(
  context: Context,
  rules: Rules,
  nodes: readonly SchemaNode[],
  hint: string,
): Expr {
  const { min, max, content, format } = stringConstraint(context, nodes);
  const isBounded = min > 0 || max < Infinity;
  if (format !== null && !isBounded) {
    const name = formattedString(format);
    return rules.shared(name, () => quotedAutomaton(rules, content!, format));
  }
  if (content !== null) return automatonString(rules, stringAutomaton(context, nodes)!, hint);
  if (!isBounded) return ref("json-string");
  const bounded = () => seq(text('"'), repeat(ref("json-char"), min, max), text('"'));
  if (max <= SHORT_LENGTH) return bounded();
  return rules.shared(boundedString(min, max), bounded);
}

/** A JSON string with content that an automaton accepts. Equal automata have the same rules. */
export function automatonString(rules: Rules, dfa: Dfa, hint: string): Expr {
  return rules.sharedOf(dfa, hint, () => quotedAutomaton(rules, dfa, hint));
}

/**
 * A JSON string, one rule per state. Every character has one spelling, so that no escape can express
 * an excluded character.
 */
function quotedAutomaton(rules: Rules, dfa: Dfa, hint: string): Expr {
  return seq(text('"'), automatonExpr(rules, dfa, hint, jsonCharacter, text('"')));
}

/** An automaton as rules, one per state. `end` follows accepted texts. */
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

/** Automaton of the strings that are valid for an alternative. */
export function stringLanguage(
  context: Context,
  alternative: Alternative,
  rounding: Rounding = "narrower",
): Dfa {
  const own = nodesLanguage(context, alternative.nodes, rounding);
  const opposite = rounding === "narrower" ? "wider" : "narrower";
  return alternative.excluded.reduce((language, other) => {
    const { holder, keyword } = other;
    return context.buildAutomaton(
      holder,
      keyword,
      () => difference(language, stringLanguage(context, other, opposite)),
    );
  }, own);
}

/** Automaton of the strings that satisfy all of the nodes. */
function nodesLanguage(
  context: Context,
  nodes: readonly SchemaNode[],
  rounding: Rounding,
): Dfa {
  const { types, values } = typeConstraint(context, nodes);
  if (!types.has("string")) return EMPTY_LANGUAGE;
  if (values === null) return stringAutomaton(context, nodes, rounding) ?? everything();
  const texts = values.filter((value) => typeof value === "string");
  const valid = texts.filter((value) => isValidString(context, nodes, value));
  const node = nodes.find((one) => "enum" in one || "const" in one)!;
  return context.buildAutomaton(node, "enum", () => textsAutomaton(valid));
}

/**
 * Automaton of the property names that schemas allow (`propertyNames`); null if all are allowed.
 */
export function nameAutomaton(context: Context, schemas: readonly Schema[]): Dfa | null {
  if (schemas.length === 0) return null;
  const languages = context.combinators.expand(schemas)
    .map((alternative) => stringLanguage(context, alternative));
  return languages.length === 1 ? languages[0]! : anyOf(languages);
}
