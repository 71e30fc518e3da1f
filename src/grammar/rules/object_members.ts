import {
  alt,
  EMPTY,
  type Expr,
  isNothing,
  MAX_COUNTING_STATES,
  NOTHING,
  optional,
  repeat,
  seq,
} from "../expression/mod.ts";
import { COMMA } from "./json.ts";
import type { Rules } from "./rules.ts";

/** A declared property and its value. */
export interface ObjectMember {
  readonly member: Expr;
  readonly required: boolean;
}

/**
 * The members of an object: declared properties in order, each at most once, then any number of
 * others, separated by commas. One rule describes what may follow a given property after a given
 * number of members. The number is tracked only as far as `min` and `max` require.
 *
 * Undeclared names may repeat, and JSON parsers keep one of them. Therefore at most one undeclared
 * member counts towards `min`.
 *
 * @returns Null if counting needs more than that, or too many rules.
 */
export function objectMembers(
  rules: Rules,
  declared: readonly ObjectMember[],
  extra: Expr,
  { min, max }: { readonly min: number; readonly max: number },
  hint: string,
): Expr | null {
  const distinct = declared.length + (isNothing(extra) ? 0 : 1);
  const required = declared.filter(({ required }) => required).length;
  if (min > distinct && !isNothing(extra)) return null;
  // Counts beyond this value are equivalent.
  const maxCount = max !== Infinity && max < declared.length + (isNothing(extra) ? 0 : Infinity)
    ? max
    : min > required
    ? min
    : 1;
  if (declared.length * Math.min(maxCount, declared.length) > MAX_COUNTING_STATES) return null;
  const known = new Map<string, Expr>();
  const after = (index: number, written: number): Expr => {
    const count = Math.min(written, maxCount);
    const key = `${index},${count}`;
    const seen = known.get(key);
    if (seen !== undefined) return seen;
    const body = index === declared.length ? others(count) : declaredMember(index, count);
    const name = rules.reserve(`${hint}-rest`);
    const rule = rules.define(name, body, true);
    known.set(key, rule);
    return rule;
  };
  const others = (count: number): Expr => {
    const missing = min > required ? min - count : 0;
    const remaining = max === Infinity ? Infinity : max - count;
    if (isNothing(extra)) return missing <= 0 && remaining >= 0 ? EMPTY : NOTHING;
    if (missing > 1 || remaining < 0) return NOTHING;
    const rule = rules.define(rules.reserve(`${hint}-extra`), extra, true);
    const nextMember = seq(COMMA, rule);
    if (count > 0) return repeat(nextMember, Math.max(0, missing), remaining);
    const oneOrMore = remaining > 0 ? seq(rule, repeat(nextMember, 0, remaining - 1)) : NOTHING;
    return missing > 0 ? oneOrMore : optional(oneOrMore);
  };
  const declaredMember = (index: number, count: number): Expr => {
    const { member, required } = declared[index]!;
    const separated = seq(count > 0 ? COMMA : EMPTY, member);
    const afterMember = after(index + 1, count + 1);
    if (required) return count < max ? seq(separated, afterMember) : NOTHING;
    const afterSkip = after(index + 1, count);
    if (count >= max) return afterSkip;
    return afterMember === afterSkip
      ? seq(optional(separated), afterMember)
      : alt(seq(separated, afterMember), afterSkip);
  };
  // Built from the end, so that a long list of properties causes no deep recursion.
  for (let index = declared.length; index >= 0; index--) {
    for (let count = 0; count <= Math.min(index, maxCount); count++) after(index, count);
  }
  return after(0, 0);
}
