import { type Elements, END, OR, type ParsedGbnf } from "./parser.ts";

/** A rule with which an alternative of another one may begin. */
export interface Beginning {
  readonly rule: number;
  /** Something of the alternative comes behind it. */
  readonly goesOn: boolean;
}

/** How a rule may begin. */
export interface Beginnings {
  readonly rules: readonly Beginning[];
  /** Alternatives that begin with a character or a token. */
  readonly characters: number;
}

/**
 * The rules that the library's search for left recursion goes into from a rule: it takes a rule to be
 * empty only where an alternative of it has no elements at all.
 */
export function searched(rule: Elements, looksEmpty: (rule: number) => boolean): number[] {
  const found: number[] = [];
  let isBeginning = true;
  for (const element of rule) {
    if (element === OR || element === END) isBeginning = true;
    else if (element >= 0 && isBeginning) {
      found.push(element);
      isBeginning = looksEmpty(element);
    } else isBeginning = false;
  }
  return found;
}

/** Whether an alternative of the rule has no elements. */
export function hasEmptyAlternative(rule: Elements): boolean {
  return rule.some((element, at) =>
    (element === OR || element === END) && (at === 0 || rule[at - 1] === OR)
  );
}

/** How a rule may really begin, where `isEmpty` tells of rules that may stand for nothing. */
export function beginningsOf(rule: Elements, isEmpty: (rule: number) => boolean): Beginnings {
  const rules: Beginning[] = [];
  let characters = 0;
  let isBeginning = true;
  for (const [at, element] of rule.entries()) {
    if (element === OR || element === END) isBeginning = true;
    else if (!isBeginning) continue;
    else if (element < 0) {
      characters++;
      isBeginning = false;
    } else {
      const next = rule[at + 1]!;
      rules.push({ rule: element, goesOn: next !== OR && next !== END });
      isBeginning = isEmpty(element);
    }
  }
  return { rules, characters };
}

/** Which rules may stand for no text at all. */
export function emptyRules(rules: ParsedGbnf["rules"]): readonly boolean[] {
  const isEmpty = rules.map(() => false);
  /** Alternatives of nothing but rules: how many of them are not known to be empty. */
  const open: { readonly of: number; left: number }[] = [];
  const within = new Map<number, (typeof open)[number][]>();
  const found: number[] = [];
  const settle = (rule: number) => {
    if (isEmpty[rule]) return;
    isEmpty[rule] = true;
    found.push(rule);
  };
  rules.forEach((rule = [], of) => {
    for (const members of alternatives(rule)) {
      if (members.some((element) => element < 0)) continue;
      if (members.length === 0) settle(of);
      const alternative = { of, left: members.length };
      open.push(alternative);
      for (const member of members) {
        const known = within.get(member);
        if (known === undefined) within.set(member, [alternative]);
        else known.push(alternative);
      }
    }
  });
  for (let rule = found.pop(); rule !== undefined; rule = found.pop()) {
    for (const alternative of within.get(rule) ?? []) {
      if (--alternative.left === 0) settle(alternative.of);
    }
  }
  return isEmpty;
}

/** The alternatives of a rule, each with its elements. */
export function* alternatives(rule: Elements): Generator<Elements> {
  let begin = 0;
  for (const [at, element] of rule.entries()) {
    if (element !== OR && element !== END) continue;
    yield rule.slice(begin, at);
    begin = at + 1;
  }
}
