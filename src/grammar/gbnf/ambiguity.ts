import {
  MAX_AMBIGUITY_STEPS,
  MAX_GBNF_PATHS,
  MAX_PATH_LENGTH,
  MAX_START_STEPS,
} from "../expression/mod.ts";
import { charactersOf, CLASS_PART, END, OR, type ParsedGbnf } from "./parsed_gbnf.ts";
import type { Problem } from "./recursion.ts";

/**
 * Finds a part of a grammar that reads the same characters in too many ways. llama.cpp follows all
 * ways through every token of the vocabulary (`llama_grammar_reject_candidates`), and their number
 * multiplies with each character: 900 times `"a"?` reads `aaa` in 121 million ways.
 *
 * The ways are counted from each rule and each reference, as llama.cpp expands its stacks. Counting
 * has a limit of its own, so it does not find every such part of a large grammar.
 */
export function findAmbiguity(grammar: ParsedGbnf): Problem | null {
  const machine = new StackMachine(grammar);
  let steps = MAX_AMBIGUITY_STEPS;
  for (const { rule, start } of machine.starts()) {
    if (machine.ways(start, 1, MAX_START_STEPS) < 2) continue;
    for (let length = 2; length <= MAX_PATH_LENGTH; length++) {
      const before = machine.steps;
      const ways = machine.ways(start, length, Math.min(steps, MAX_START_STEPS));
      steps -= machine.steps - before;
      if (ways > MAX_GBNF_PATHS) {
        const { name } = grammar.symbols[rule]!;
        const message =
          `a part of the rule '${name}' reads the same ${length} characters in more than ` +
          `${MAX_GBNF_PATHS} ways: use one repetition in place of optional items that may be equal`;
        return { rule, message };
      }
      if (steps <= 0) return null;
    }
  }
  return null;
}

/** A stack of positions that are still to be read. Equal stacks are one object. */
interface Stack {
  /** Index of an element of `StackMachine.elements`. */
  readonly at: number;
  /** Null at the end of the part that is examined. */
  readonly below: Stack | null;
  readonly above: Map<number, Stack>;
  /** Ways by length. */
  readonly ways: number[];
  terminals: readonly Stack[] | null;
}

/** The stacks of llama.cpp for a grammar. */
class StackMachine {
  readonly #grammar: ParsedGbnf;
  readonly #elements: number[] = [];
  readonly #starts: number[] = [];
  readonly #bottoms = new Map<number, Stack>();
  /** Expansions since the beginning. */
  steps = 0;
  #limit = 0;

  constructor(grammar: ParsedGbnf) {
    this.#grammar = grammar;
    for (const rule of grammar.rules) {
      this.#starts.push(this.#elements.length);
      for (const element of rule ?? [END]) this.#elements.push(element);
    }
  }

  /** Each reference to a rule, and each rule, with the rule that contains it. */
  *starts(): Generator<{ readonly rule: number; readonly start: Stack }> {
    let rule = 0;
    for (const [at, element] of this.#elements.entries()) {
      while (this.#starts[rule + 1] !== undefined && this.#starts[rule + 1]! <= at) rule++;
      if (element >= 0) yield { rule, start: this.#stack(at, null) };
    }
  }

  /**
   * The largest number of ways in which a text of `length` characters can be read from a stack. At
   * most `MAX_GBNF_PATHS` + 1; too low after `limit` steps.
   */
  ways(start: Stack, length: number, limit: number): number {
    this.#limit = this.steps + limit;
    return this.#ways(start, length);
  }

  #ways(stack: Stack | null, length: number): number {
    if (stack === null || length === 0) return 1;
    const known = stack.ways[length];
    if (known !== undefined) return known;
    if (this.steps > this.#limit) return 1;
    // Sums of the ways after each terminal that reads a character: rising and falling at its ranges.
    const changes: [point: number, ways: number][] = [];
    for (const terminal of this.#terminals(stack)) {
      const set = charactersOf(this.#grammar, this.#elements[terminal.at]!);
      if (set === null) continue;
      const ways = this.#ways(this.#after(terminal), length - 1);
      for (const [low, high] of set) changes.push([low, ways], [high + 1, -ways]);
      if (ways > MAX_GBNF_PATHS) break;
    }
    changes.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
    let [sum, most] = [0, 1];
    for (const [, change] of changes) most = Math.max(most, sum += change);
    const ways = Math.min(most, MAX_GBNF_PATHS + 1);
    if (this.steps <= this.#limit) stack.ways[length] = ways;
    return ways;
  }

  /** The stacks whose top reads a character or a token, as `llama_grammar_advance_stack` finds them. */
  #terminals(stack: Stack): readonly Stack[] {
    if (stack.terminals !== null) return stack.terminals;
    const found: Stack[] = [];
    const seen = new Set([stack]);
    for (const one of seen) {
      this.steps++;
      const element = this.#elements[one.at]!;
      if (element < 0) {
        found.push(one);
        continue;
      }
      const rest = this.#next(one.at, one.below);
      for (const start of this.#alternatives(element)) {
        const isEmpty = this.#isEnd(start);
        const next = isEmpty ? rest : this.#stack(start, rest);
        if (next !== null) seen.add(next);
      }
    }
    return stack.terminals = found;
  }

  *#alternatives(rule: number): Generator<number> {
    let at = this.#starts[rule]!;
    yield at;
    for (; this.#elements[at] !== END; at++) if (this.#elements[at] === OR) yield at + 1;
  }

  /** The stack after its top has read a character. */
  #after({ at, below }: Stack): Stack | null {
    let last = at;
    while (this.#elements[last + 1] === CLASS_PART) last++;
    return this.#next(last, below);
  }

  #next(at: number, below: Stack | null): Stack | null {
    return this.#isEnd(at + 1) ? below : this.#stack(at + 1, below);
  }

  #isEnd(at: number): boolean {
    const element = this.#elements[at];
    return element === OR || element === END;
  }

  #stack(at: number, below: Stack | null): Stack {
    const siblings = below?.above ?? this.#bottoms;
    let stack = siblings.get(at);
    if (stack === undefined) {
      stack = { at, below, above: new Map(), ways: [], terminals: null };
      siblings.set(at, stack);
    }
    return stack;
  }
}
