import { type CharSet, charsOf } from "./charset.ts";

/**
 * Expression tree. Rule bodies of grammars and regular expressions differ only in their leaves.
 */
export type Tree<Leaf> =
  | Leaf
  | { readonly kind: "seq"; readonly items: readonly Tree<Leaf>[] }
  | { readonly kind: "alt"; readonly items: readonly Tree<Leaf>[] }
  | {
    readonly kind: "repeat";
    readonly item: Tree<Leaf>;
    readonly min: number;
    /** `Infinity` for no limit. */
    readonly max: number;
  };

/** One character of a set. */
export interface Chars {
  readonly kind: "chars";
  readonly set: CharSet;
}
/** A literal, not empty. */
export interface Text {
  readonly kind: "text";
  readonly text: string;
}
/** A reference to another rule. */
export interface Ref {
  readonly kind: "ref";
  readonly rule: string;
}
/** `^` and `$` of a regular expression. */
export interface Assert {
  readonly kind: "assert";
  readonly at: "start" | "end";
}

/** Body of a grammar rule. */
export type Expr = Tree<Chars | Text | Ref>;
/** A regular expression. */
export type Pattern = Tree<Chars | Assert>;
/** A regular expression without anchors, which matches the whole text. */
export type Regular = Tree<Chars>;

/** Matches the empty text. */
export const EMPTY = { kind: "seq", items: [] } as const satisfies Regular;
/** Matches no text. */
export const NOTHING = { kind: "alt", items: [] } as const satisfies Regular;

export function chars(set: CharSet): Chars {
  return { kind: "chars", set };
}

export function text(value: string): Expr {
  return value === "" ? EMPTY : { kind: "text", text: value };
}

export function ref(rule: string): Ref {
  return { kind: "ref", rule };
}

/** One of the characters of a text. */
export function oneOf(characters: string): Chars {
  return chars(charsOf(characters));
}

export function seq<Leaf extends { kind: string }>(...items: readonly Tree<Leaf>[]): Tree<Leaf> {
  const flat = items.flatMap((item) =>
    item.kind === "seq" && "items" in item ? item.items : [item]
  );
  if (flat.some(isNothing)) return NOTHING;
  return flat.length === 1 ? flat[0]! : { kind: "seq", items: flat };
}

export function alt<Leaf extends { kind: string }>(...items: readonly Tree<Leaf>[]): Tree<Leaf> {
  const flat = items.flatMap((item) =>
    item.kind === "alt" && "items" in item ? item.items : [item]
  );
  const some = flat.filter((item) => !isEmpty(item));
  const one: Tree<Leaf> = some.length === 1 ? some[0]! : { kind: "alt", items: some };
  return some.length < flat.length ? repeat(one, 0, 1) : one;
}

export function repeat<Leaf extends { kind: string }>(
  item: Tree<Leaf>,
  min: number,
  max: number,
): Tree<Leaf> {
  if (max < min) return NOTHING;
  if (max === 0 || isEmpty(item)) return EMPTY;
  if (isNothing(item)) return min === 0 ? EMPTY : NOTHING;
  if (min === 1 && max === 1) return item;
  if (max === 1 && item.kind === "repeat" && "min" in item && item.min === 0) return item;
  return { kind: "repeat", item, min, max };
}

export function optional<Leaf extends { kind: string }>(item: Tree<Leaf>): Tree<Leaf> {
  return repeat(item, 0, 1);
}

export function isEmpty(tree: Tree<{ kind: string }>): boolean {
  return tree.kind === "seq" && "items" in tree && tree.items.length === 0;
}

export function isNothing(tree: Tree<{ kind: string }>): boolean {
  return tree.kind === "alt" && "items" in tree && tree.items.length === 0;
}
