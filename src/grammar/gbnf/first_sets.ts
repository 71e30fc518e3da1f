import { type Elements, END, OR, type ParsedGbnf } from "./parsed_gbnf.ts";

/** A rule at the start of an alternative. */
export interface FirstRule {
  readonly rule: number;
  /** True if other elements follow it in the alternative. */
  readonly isFollowed: boolean;
}

/** First set of a rule: what the rule may start with. */
export interface FirstSet {
  readonly rules: readonly FirstRule[];
  /** Number of alternatives that start with a character or a token. */
  readonly terminals: number;
}

/**
 * The rules that llama.cpp's search for left recursion visits from a rule. It treats a rule as
 * nullable only if one of its alternatives has no elements.
 */
export function leftmostRules(rule: Elements, isEmptyRule: (rule: number) => boolean): number[] {
  const found: number[] = [];
  let isAtStart = true;
  for (const element of rule) {
    if (element === OR || element === END) isAtStart = true;
    else if (element >= 0 && isAtStart) {
      found.push(element);
      isAtStart = isEmptyRule(element);
    } else isAtStart = false;
  }
  return found;
}

/** True if an alternative of the rule has no elements. */
export function hasEmptyAlternative(rule: Elements): boolean {
  return rule.some((element, at) =>
    (element === OR || element === END) && (at === 0 || rule[at - 1] === OR)
  );
}

/**
 * The first set of a rule.
 *
 * @param isNullable Whether a rule may match the empty text.
 */
export function firstSetOf(rule: Elements, isNullable: (rule: number) => boolean): FirstSet {
  const rules: FirstRule[] = [];
  let terminals = 0;
  let isAtStart = true;
  for (const [at, element] of rule.entries()) {
    if (element === OR || element === END) isAtStart = true;
    else if (!isAtStart) continue;
    else if (element < 0) {
      terminals++;
      isAtStart = false;
    } else {
      const next = rule[at + 1]!;
      rules.push({ rule: element, isFollowed: next !== OR && next !== END });
      isAtStart = isNullable(element);
    }
  }
  return { rules, terminals };
}

/** For each rule, whether it may match the empty text. */
export function nullableRules(rules: ParsedGbnf["rules"]): readonly boolean[] {
  const isNullable = rules.map(() => false);
  /**
   * Alternatives that consist of rules only, and how many of these rules are not known to be
   * nullable.
   */
  const ruleAlternatives: { readonly of: number; unknown: number }[] = [];
  const users = new Map<number, (typeof ruleAlternatives)[number][]>();
  const found: number[] = [];
  const markNullable = (rule: number) => {
    if (isNullable[rule]) return;
    isNullable[rule] = true;
    found.push(rule);
  };
  rules.forEach((rule = [], of) => {
    for (const elements of alternatives(rule)) {
      if (elements.some((element) => element < 0)) continue;
      if (elements.length === 0) markNullable(of);
      const alternative = { of, unknown: elements.length };
      ruleAlternatives.push(alternative);
      for (const element of elements) {
        const list = users.get(element);
        if (list === undefined) users.set(element, [alternative]);
        else list.push(alternative);
      }
    }
  });
  for (let rule = found.pop(); rule !== undefined; rule = found.pop()) {
    for (const alternative of users.get(rule) ?? []) {
      if (--alternative.unknown === 0) markNullable(alternative.of);
    }
  }
  return isNullable;
}

/** The alternatives of a rule as lists of elements. */
export function* alternatives(rule: Elements): Generator<Elements> {
  let begin = 0;
  for (const [at, element] of rule.entries()) {
    if (element !== OR && element !== END) continue;
    yield rule.slice(begin, at);
    begin = at + 1;
  }
}
