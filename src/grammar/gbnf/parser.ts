import {
  ALL,
  type CharSet,
  charSet,
  complement,
  MAX_GBNF_ELEMENTS,
  MAX_GBNF_GROUPS,
  MAX_REPEATED_RULES,
} from "../expression/mod.ts";
import {
  characterElement,
  CLASS_PART,
  type Elements,
  END,
  type GbnfSymbol,
  type NamedToken,
  NEGATED_TOKEN,
  OR,
  type ParsedGbnf,
  type Repeat,
  TOKEN,
} from "./parsed_gbnf.ts";
import { Scanner } from "./scanner.ts";

/**
 * Parses GBNF to the same rules as `llama_grammar_parser`. Groups and repetitions become rules,
 * whose number is limited.
 *
 * @throws {ShimmyError} `invalid` with the line, the column and the expected syntax.
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
  readonly #characters: CharSet[] = [];
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
      characters: this.#characters,
      repeats: this.#repeats,
    };
  }

  #ruleId(name: string, at: number): number {
    const known = this.#ids.get(name);
    if (known !== undefined) return known;
    const id = this.#addSymbol(name, at);
    this.#ids.set(name, id);
    return id;
  }

  #addSymbol(name: string, at: number): number {
    return this.#symbols.push({ name, at }) - 1;
  }

  #rule(): void {
    const scanner = this.#scanner;
    const { at } = scanner;
    if (scanner.next === "|") {
      throw scanner.error(
        '"|" may start a line only inside a group: put it at the end of the previous line',
      );
    }
    const name = scanner.name("a rule name");
    scanner.space(false);
    const id = this.#ruleId(name, at);
    this.#symbols[id] = { name, at };
    if (!scanner.take("::=")) throw scanner.expected(`"::=" after the rule name '${name}'`);
    scanner.space(true);
    this.#alternatives(name, id, false);
    if (!scanner.take("\r\n") && !scanner.take("\r") && !scanner.take("\n") && !scanner.isDone) {
      throw scanner.next === ":"
        ? scanner.error("a rule must start on a new line")
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
    // Start of the last item, and the number of rules it counts as when it is repeated.
    let start = rule.length;
    let weight = 1;
    for (;;) {
      const { at } = scanner;
      const times = this.#quantifier(isNested);
      if (times !== null) {
        weight = this.#expandRepetition(name, rule, { start, weight, at, ...times });
        continue;
      }
      const begin = rule.length;
      const itemWeight = this.#item(name, rule);
      if (itemWeight === null) return;
      start = begin;
      weight = itemWeight;
      scanner.space(isNested);
    }
  }

  /**
   * Parses an item without quantifier.
   *
   * @returns The number of rules it counts as; null if there is no item.
   */
  #item(name: string, rule: number[]): number | null {
    const scanner = this.#scanner;
    if (scanner.take('"')) this.#literal(rule);
    else if (scanner.take("[")) this.#class(rule);
    else if (scanner.take(".")) this.#push(rule, ALL);
    else if (scanner.next === "<" || scanner.next === "!") this.#token(rule);
    else if (scanner.isAtName) {
      const { at } = scanner;
      rule.push(this.#ruleId(scanner.name("a name"), at));
    } else if (scanner.next === "(") return this.#group(name, rule);
    else return null;
    return 1;
  }

  #literal(rule: number[]): void {
    const scanner = this.#scanner;
    const begin = scanner.at - 1;
    while (!scanner.take('"')) {
      if (scanner.isDone) {
        throw scanner.error('the literal is not closed: it needs a second "', begin);
      }
      const point = scanner.character();
      this.#push(rule, [[point, point]]);
    }
  }

  /** Adds an element that reads a character of a set. */
  #push(rule: number[], set: CharSet): void {
    rule.push(characterElement(this.#characters.push(set) - 1));
  }

  #class(rule: number[]): void {
    const scanner = this.#scanner;
    const begin = scanner.at - 1;
    const checkEnd = () => {
      if (scanner.isDone) throw scanner.error('the class is not closed: it needs a "]"', begin);
    };
    const isNegated = scanner.take("^");
    const ranges: [number, number][] = [];
    let members = 0;
    for (; !scanner.take("]"); members++) {
      checkEnd();
      const low = scanner.character();
      let high = low;
      if (scanner.next === "-" && scanner.source[scanner.at + 1] !== "]") {
        scanner.at++;
        checkEnd();
        high = scanner.character();
        members++;
      }
      ranges.push([low, high]);
    }
    if (members === 0) return;
    const set = charSet(ranges);
    this.#push(rule, isNegated ? complement(set) : set);
    for (let part = 1; part < members; part++) rule.push(CLASS_PART);
  }

  /** Parses `<[id]>` or `<text>`. A preceding exclamation mark means any other token. */
  #token(rule: number[]): void {
    const scanner = this.#scanner;
    const isNegated = scanner.take("!");
    const { at } = scanner;
    if (!scanner.take("<")) throw scanner.expected('"<" of a token after "!"');
    if (scanner.take("[")) {
      scanner.integer();
      if (!scanner.take("]")) throw scanner.expected('"]" after the token id');
      if (!scanner.take(">")) throw scanner.expected('">" after the token id');
    } else {
      const end = scanner.source.indexOf(">", at);
      if (end < 0) throw scanner.error('the token is not closed: it needs a ">"', at);
      scanner.at = end + 1;
      this.#tokens.push({ text: scanner.source.slice(at, end + 1), at });
    }
    rule.push(isNegated ? NEGATED_TOKEN : TOKEN);
  }

  #group(name: string, rule: number[]): number {
    const scanner = this.#scanner;
    const begin = scanner.at++;
    if (++this.#groups > MAX_GBNF_GROUPS) {
      throw scanner.error(`groups nest deeper than ${MAX_GBNF_GROUPS} levels`, begin);
    }
    scanner.space(true);
    const before = this.#symbols.length;
    const id = this.#addSymbol(name, begin);
    this.#alternatives(name, id, true);
    rule.push(id);
    if (!scanner.take(")")) {
      throw scanner.expected('a literal, a class, a name, a group, "|" or the ")" of the group');
    }
    this.#groups--;
    return this.#symbols.length - before;
  }

  /** Parses a quantifier. Returns null if there is none. */
  #quantifier(isNested: boolean): { min: number; max: number } | null {
    const scanner = this.#scanner;
    const begin = scanner.at;
    const done = <T>(times: T): T => {
      scanner.space(isNested);
      return times;
    };
    if (scanner.take("*")) return done({ min: 0, max: Infinity });
    if (scanner.take("+")) return done({ min: 1, max: Infinity });
    if (scanner.take("?")) return done({ min: 0, max: 1 });
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
      throw scanner.error(
        `the minimum number of repetitions is greater than ${MAX_REPEATED_RULES}`,
        begin,
      );
    }
    // llama.cpp treats a larger maximum as no maximum.
    if (max > MAX_REPEATED_RULES) max = Infinity;
    // llama.cpp would never stop counting down.
    if (max < min) throw scanner.error("the maximum is less than the minimum", begin);
    return done({ min, max });
  }

  /**
   * Expands a repetition.
   *
   * @returns The number of rules it counts as.
   */
  #expandRepetition(
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
    if (start === rule.length) throw scanner.error("there is no item before the quantifier", at);
    const total = max !== Infinity && max > 0 ? max : Math.max(min, 1);
    if (weight * total > MAX_REPEATED_RULES) {
      throw scanner.error(
        `the item has ${weight * total} repetitions, including nested ones; ` +
          `at most ${MAX_REPEATED_RULES} are allowed`,
        at,
      );
    }
    const item = rule.slice(start);
    if (total > 1) this.#repeats.push({ item, times: total, at });
    const optional = max === Infinity ? 1 : max - min;
    this.#repeated += item.length * Math.max(0, min - 1) + (item.length + 3) * optional;
    if (this.#repeated > MAX_GBNF_ELEMENTS) {
      throw scanner.error("the grammar is too large after expansion of its repetitions", at);
    }
    if (min === 0) rule.length = start;
    for (let copy = 1; copy < min; copy++) for (const element of item) rule.push(element);
    let last = END;
    for (let count = 0; count < optional; count++) {
      const id = this.#addSymbol(name, at);
      const again = max === Infinity ? [id] : count > 0 ? [last] : [];
      this.#rules[id] = [...item, ...again, OR, END];
      last = id;
    }
    if (optional > 0) rule.push(last);
    return weight * total;
  }
}
