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

/** One declared property with its value. */
export interface Slot {
  readonly member: Expr;
  readonly required: boolean;
}

/**
 * The properties of an object: the declared ones in their order, each at most once, then any number of
 * others, with commas between. One rule stands for what may follow a given property once a given
 * number has been written; the number is only followed as far as `min` and `max` ask for it.
 *
 * Names beside the declared ones may repeat, and a parser keeps one of each: of those, one at most
 * counts towards `min`.
 *
 * @returns null if counting needs more than that, or too many rules.
 */
export function members(
  rules: Rules,
  slots: readonly Slot[],
  extra: Expr,
  { min, max }: { readonly min: number; readonly max: number },
  hint: string,
): Expr | null {
  const distinct = slots.length + (isNothing(extra) ? 0 : 1);
  const required = slots.filter((slot) => slot.required).length;
  if (min > distinct && !isNothing(extra)) return null;
  // Past this count nothing changes any more.
  const cap = max !== Infinity && max < slots.length + (isNothing(extra) ? 0 : Infinity)
    ? max
    : min > required
    ? min
    : 1;
  if (slots.length * Math.min(cap, slots.length) > MAX_COUNTING_STATES) return null;
  const known = new Map<string, Expr>();
  const from = (index: number, written: number): Expr => {
    const count = Math.min(written, cap);
    const key = `${index},${count}`;
    const seen = known.get(key);
    if (seen !== undefined) return seen;
    const body = index === slots.length ? others(count) : slot(index, count);
    const name = rules.reserve(`${hint}-rest`);
    const rule = rules.define(name, body, true);
    known.set(key, rule);
    return rule;
  };
  const others = (count: number): Expr => {
    const lacking = min > required ? min - count : 0;
    const room = max === Infinity ? Infinity : max - count;
    if (isNothing(extra)) return lacking <= 0 && room >= 0 ? EMPTY : NOTHING;
    if (lacking > 1 || room < 0) return NOTHING;
    const rule = rules.define(rules.reserve(`${hint}-extra`), extra, true);
    const another = seq(COMMA, rule);
    if (count > 0) return repeat(another, Math.max(0, lacking), room);
    const some = room > 0 ? seq(rule, repeat(another, 0, room - 1)) : NOTHING;
    return lacking > 0 ? some : optional(some);
  };
  const slot = (index: number, count: number): Expr => {
    const { member, required } = slots[index]!;
    const written = seq(count > 0 ? COMMA : EMPTY, member);
    const taken = from(index + 1, count + 1);
    if (required) return count < max ? seq(written, taken) : NOTHING;
    const skipped = from(index + 1, count);
    if (count >= max) return skipped;
    return taken === skipped ? seq(optional(written), taken) : alt(seq(written, taken), skipped);
  };
  // Built from the end, so that a long list of properties does not nest calls.
  for (let index = slots.length; index >= 0; index--) {
    for (let count = 0; count <= Math.min(index, cap); count++) from(index, count);
  }
  return from(0, 0);
}
