import { MAX_GBNF_ELEMENTS, MAX_GBNF_GROUPS, MAX_REPEATED_RULES } from "../expression/mod.ts";
import { Scanner } from "./scanner.ts";

/** Elements of a rule that are no names of rules; those are their ids. */
export const CHARACTER = -1;
export const OR = -2;
export const END = -3;
export const TOKEN = -5;
/** Any token but one. */
export const OTHER_TOKEN = -4;

/** A rule's alternatives as one list: elements, `OR` between alternatives, `END` behind the last. */
export type Elements = readonly number[];

/** A token that is named by its text. */
export interface NamedToken {
  /** As the vocabulary has it, e.g. `<think>`. */
  readonly text: string;
  /** Where in the source it stands. */
  readonly at: number;
}

/** A grammar as the library would hold it. */
export interface ParsedGbnf {
  readonly scanner: Scanner;
  /** By their ids; one that is spoken of and not defined has none. */
  readonly rules: readonly (Elements | undefined)[];
  readonly symbols: readonly GbnfSymbol[];
  /** Ids of the rules that the source itself names. */
  readonly ids: ReadonlyMap<string, number>;
  readonly tokens: readonly NamedToken[];
  /** What is repeated a number of times. */
  readonly repeats: readonly Repeat[];
}

/** An item that may come several times. */
export interface Repeat {
  readonly item: Elements;
  /** How often at most; where there is no such limit, how often at least. */
  readonly times: number;
  readonly at: number;
}

/** What an id stands for: a rule, or a part of one that the library makes a rule of. */
export interface GbnfSymbol {
  /** The rule's name, or of that which it is a part of. */
  readonly name: string;
  /** Where it is defined; where it is not, where it is spoken of first. */
  readonly at: number;
}

/**
 * Parses GBNF to the same rules as `llama_grammar_parser` does: groups and repetitions become rules of
 * their own, of which there may only be so many.
 *
 * @throws {ShimmyError} `invalid`, with the line, the column and what was expected there.
 */
export function parse(source: string): ParsedGbnf {
  return new Parser(new Scanner(source)).parse();
}

class Parser {
  readonly #scanner: Scanner;
  readonly #rules: (Elements | undefined)[] = [];
  readonly #symbols: GbnfSymbol[] = [];
  readonly #ids = new Map<string, number>();
  readonly #tokens: NamedToken[] = [];
  readonly #repeats: Repeat[] = [];
  #repeated = 0;
  #groups = 0;

  constructor(scanner: Scanner) {
    this.#scanner = scanner;
  }

  parse(): ParsedGbnf {
    const scanner = this.#scanner;
    scanner.space(true);
    while (!scanner.isDone) this.#rule();
    return {
      scanner,
      rules: this.#rules,
      symbols: this.#symbols,
      ids: this.#ids,
      tokens: this.#tokens,
      repeats: this.#repeats,
    };
  }

  #named(name: string, at: number): number {
    const known = this.#ids.get(name);
    if (known !== undefined) return known;
    const id = this.#made(name, at);
    this.#ids.set(name, id);
    return id;
  }

  #made(name: string, at: number): number {
    return this.#symbols.push({ name, at }) - 1;
  }

  #rule(): void {
    const scanner = this.#scanner;
    const { at } = scanner;
    if (scanner.next === "|") {
      throw scanner.error(
        '"|" can only begin a line inside of a group: let it end the line before',
      );
    }
    const name = scanner.name("the name of a rule");
    scanner.space(false);
    const id = this.#named(name, at);
    this.#symbols[id] = { name, at };
    if (!scanner.take("::=")) throw scanner.expected(`"::=" behind the name of the rule '${name}'`);
    scanner.space(true);
    this.#alternatives(name, id, false);
    if (!scanner.take("\r\n") && !scanner.take("\r") && !scanner.take("\n") && !scanner.isDone) {
      throw scanner.next === ":"
        ? scanner.error("a rule must begin on a line of its own")
        : scanner.expected('a literal, a class, a name, a group, "|" or the end of the line');
    }
    scanner.space(true);
  }

  #alternatives(name: string, id: number, isNested: boolean): void {
    const scanner = this.#scanner;
    const rule: number[] = [];
    this.#sequence(name, rule, isNested);
    while (scanner.take("|")) {
      rule.push(OR);
      scanner.space(true);
      this.#sequence(name, rule, isNested);
    }
    rule.push(END);
    this.#rules[id] = rule;
  }

  #sequence(name: string, rule: number[], isNested: boolean): void {
    const scanner = this.#scanner;
    // Where the last item begins, and how many rules it counts as when it is repeated.
    let start = rule.length;
    let weight = 1;
    for (;;) {
      const { at } = scanner;
      const times = this.#times(isNested);
      if (times !== null) {
        weight = this.#repeat(name, rule, { start, weight, at, ...times });
        continue;
      }
      const begin = rule.length;
      const counted = this.#item(name, rule);
      if (counted === null) return;
      start = begin;
      weight = counted;
      scanner.space(isNested);
    }
  }

  /**
   * Reads an item that is no repetition.
   * @returns how many rules it counts as; null where there is none.
   */
  #item(name: string, rule: number[]): number | null {
    const scanner = this.#scanner;
    if (scanner.take('"')) this.#literal(rule);
    else if (scanner.take("[")) this.#class(rule);
    else if (scanner.take(".")) rule.push(CHARACTER);
    else if (scanner.next === "<" || scanner.next === "!") this.#token(rule);
    else if (scanner.isAtName) {
      const { at } = scanner;
      rule.push(this.#named(scanner.name("a name"), at));
    } else if (scanner.next === "(") return this.#group(name, rule);
    else return null;
    return 1;
  }

  #literal(rule: number[]): void {
    const scanner = this.#scanner;
    const begin = scanner.at - 1;
    while (!scanner.take('"')) {
      if (scanner.isDone) {
        throw scanner.error('the literal does not end: it needs a second "', begin);
      }
      scanner.character();
      rule.push(CHARACTER);
    }
  }

  #class(rule: number[]): void {
    const scanner = this.#scanner;
    const begin = scanner.at - 1;
    const inside = () => {
      if (scanner.isDone) throw scanner.error('the class does not end: it needs a "]"', begin);
    };
    scanner.take("^");
    while (!scanner.take("]")) {
      inside();
      scanner.character();
      rule.push(CHARACTER);
      if (scanner.next !== "-" || scanner.source[scanner.at + 1] === "]") continue;
      scanner.at++;
      inside();
      scanner.character();
      rule.push(CHARACTER);
    }
  }

  /** `<[id]>` or `<text>`, or any token but it behind an exclamation mark. */
  #token(rule: number[]): void {
    const scanner = this.#scanner;
    const isRuledOut = scanner.take("!");
    const { at } = scanner;
    if (!scanner.take("<")) throw scanner.expected('"<" of a token behind "!"');
    if (scanner.take("[")) {
      scanner.integer();
      if (!scanner.take("]")) throw scanner.expected('"]" behind the id of a token');
      if (!scanner.take(">")) throw scanner.expected('">" behind the id of a token');
    } else {
      const end = scanner.source.indexOf(">", at);
      if (end < 0) throw scanner.error('the token does not end: it needs a ">"', at);
      scanner.at = end + 1;
      this.#tokens.push({ text: scanner.source.slice(at, end + 1), at });
    }
    rule.push(isRuledOut ? OTHER_TOKEN : TOKEN);
  }

  #group(name: string, rule: number[]): number {
    const scanner = this.#scanner;
    const begin = scanner.at++;
    if (++this.#groups > MAX_GBNF_GROUPS) {
      throw scanner.error(`groups may be ${MAX_GBNF_GROUPS} deep at most`, begin);
    }
    scanner.space(true);
    const before = this.#symbols.length;
    const id = this.#made(name, begin);
    this.#alternatives(name, id, true);
    rule.push(id);
    if (!scanner.take(")")) {
      throw scanner.expected('a literal, a class, a name, a group, "|" or the ")" of the group');
    }
    this.#groups--;
    return this.#symbols.length - before;
  }

  /** Reads how often the item before is repeated; null where nothing says so. */
  #times(isNested: boolean): { min: number; max: number } | null {
    const scanner = this.#scanner;
    const begin = scanner.at;
    const ready = <T>(times: T): T => {
      scanner.space(isNested);
      return times;
    };
    if (scanner.take("*")) return ready({ min: 0, max: Infinity });
    if (scanner.take("+")) return ready({ min: 1, max: Infinity });
    if (scanner.take("?")) return ready({ min: 0, max: 1 });
    if (!scanner.take("{")) return null;
    scanner.space(isNested);
    const min = scanner.integer();
    scanner.space(isNested);
    let max = min;
    if (scanner.take(",")) {
      scanner.space(isNested);
      max = scanner.isAtInteger ? scanner.integer() : Infinity;
      scanner.space(isNested);
    }
    if (!scanner.take("}")) throw scanner.expected('"," or "}"');
    if (min > MAX_REPEATED_RULES) {
      throw scanner.error(`at least ${MAX_REPEATED_RULES} times is the most there may be`, begin);
    }
    // The library reads a larger maximum as none.
    if (max > MAX_REPEATED_RULES) max = Infinity;
    // It would count down for ever.
    if (max < min) throw scanner.error("the maximum is less than the minimum", begin);
    return ready({ min, max });
  }

  /** Writes out a repetition. @returns how many rules it counts as. */
  #repeat(
    name: string,
    rule: number[],
    { start, weight, at, min, max }: {
      start: number;
      weight: number;
      at: number;
      min: number;
      max: number;
    },
  ): number {
    const scanner = this.#scanner;
    if (start === rule.length) throw scanner.error("there is nothing before it to repeat", at);
    const total = max !== Infinity && max > 0 ? max : Math.max(min, 1);
    if (weight * total > MAX_REPEATED_RULES) {
      throw scanner.error(
        `the repetitions of the item, those inside of it included, may be ${MAX_REPEATED_RULES} ` +
          `at most and are ${weight * total}`,
        at,
      );
    }
    const item = rule.slice(start);
    if (total > 1) this.#repeats.push({ item, times: total, at });
    const optional = max === Infinity ? 1 : max - min;
    this.#repeated += item.length * Math.max(0, min - 1) + (item.length + 3) * optional;
    if (this.#repeated > MAX_GBNF_ELEMENTS) {
      throw scanner.error("the grammar's repetitions make it too large", at);
    }
    if (min === 0) rule.length = start;
    for (let copy = 1; copy < min; copy++) for (const element of item) rule.push(element);
    let last = END;
    for (let count = 0; count < optional; count++) {
      const id = this.#made(name, at);
      const again = max === Infinity ? [id] : count > 0 ? [last] : [];
      this.#rules[id] = [...item, ...again, OR, END];
      last = id;
    }
    if (optional > 0) rule.push(last);
    return weight * total;
  }
}
