/** GBNF for tests, independent of the code that writes it: a parser, a matcher and a sampler. */
import type { Random } from "./random.ts";

type Body =
  | { readonly kind: "class"; readonly negated: boolean; readonly ranges: [number, number][] }
  | { readonly kind: "rule"; readonly name: string }
  | { readonly kind: "all"; readonly parts: Body[] }
  | { readonly kind: "any"; readonly parts: Body[] }
  | { readonly kind: "times"; readonly part: Body; readonly min: number; readonly max: number };

/** A parsed grammar. */
export type Gbnf = ReadonlyMap<string, Body>;

export function parseGbnf(source: string): Gbnf {
  const rules = new Map<string, Body>();
  for (const line of source.split("\n")) {
    if (line.trim() === "") continue;
    const [, name, body] = /^([a-zA-Z0-9-]+) ::= (.*)$/.exec(line) ?? [];
    if (name === undefined || body === undefined) throw new Error(`not a rule: ${line}`);
    if (rules.has(name)) throw new Error(`defined twice: ${name}`);
    const reader = new Reader(body);
    rules.set(name, reader.alternatives());
    reader.end();
  }
  for (const body of rules.values()) checkReferences(body, rules);
  return rules;
}

function checkReferences(body: Body, rules: Gbnf): void {
  if (body.kind === "rule" && !rules.has(body.name)) throw new Error(`undefined: ${body.name}`);
  if (body.kind === "times") checkReferences(body.part, rules);
  if (body.kind === "all" || body.kind === "any") {
    for (const part of body.parts) checkReferences(part, rules);
  }
}

class Reader {
  #at = 0;

  constructor(readonly source: string) {}

  end(): void {
    if (this.#at < this.source.length) throw new Error(`trailing: ${this.source.slice(this.#at)}`);
  }

  alternatives(): Body {
    const parts = [this.#sequence()];
    while (this.#take("|")) parts.push(this.#sequence());
    return { kind: "any", parts };
  }

  #sequence(): Body {
    const parts: Body[] = [];
    this.#space();
    while (this.#at < this.source.length && !"|)".includes(this.source[this.#at]!)) {
      parts.push(this.#repeated(this.#item()));
      this.#space();
    }
    return { kind: "all", parts };
  }

  #item(): Body {
    if (this.#take("(")) {
      const inner = this.alternatives();
      if (!this.#take(")")) throw new Error(`no ) in ${this.source}`);
      return inner;
    }
    const char = this.source[this.#at]!;
    if (char === '"') return this.#literal();
    if (char === "[") return this.#class();
    const name = /^[a-zA-Z0-9-]+/.exec(this.source.slice(this.#at))?.[0];
    if (name === undefined) throw new Error(`unexpected ${this.source.slice(this.#at)}`);
    this.#at += name.length;
    return { kind: "rule", name };
  }

  #repeated(part: Body): Body {
    const match = /^(?:([*+?])|\{(\d+)(?:(,)(\d*))?\})/.exec(this.source.slice(this.#at));
    if (match === null) return part;
    this.#at += match[0].length;
    if (match[1] !== undefined) {
      return {
        kind: "times",
        part,
        min: match[1] === "+" ? 1 : 0,
        max: match[1] === "?" ? 1 : Infinity,
      };
    }
    const min = Number(match[2]);
    const max = match[3] === undefined ? min : match[4] === "" ? Infinity : Number(match[4]);
    if (min > 2000 || (max !== Infinity && max > 2000)) throw new Error(`too many: ${match[0]}`);
    return { kind: "times", part, min, max };
  }

  #literal(): Body {
    this.#at++;
    const parts: Body[] = [];
    while (this.source[this.#at] !== '"') {
      const point = this.#char();
      parts.push({ kind: "class", negated: false, ranges: [[point, point]] });
    }
    this.#at++;
    return { kind: "all", parts };
  }

  #class(): Body {
    this.#at++;
    const negated = this.source[this.#at] === "^";
    if (negated) this.#at++;
    const ranges: [number, number][] = [];
    while (this.source[this.#at] !== "]") {
      const low = this.#char();
      if (this.source[this.#at] === "-" && this.source[this.#at + 1] !== "]") {
        this.#at++;
        ranges.push([low, this.#char()]);
      } else ranges.push([low, low]);
    }
    this.#at++;
    return { kind: "class", negated, ranges };
  }

  #char(): number {
    const rest = this.source.slice(this.#at, this.#at + 10);
    const hex = /^\\(?:x(..)|u(....)|U(.{8}))/.exec(rest);
    if (hex !== null) {
      this.#at += hex[0].length;
      return parseInt(hex[1] ?? hex[2] ?? hex[3]!, 16);
    }
    if (rest.startsWith("\\")) {
      const plain = {
        n: "\n",
        r: "\r",
        t: "\t",
        "\\": "\\",
        '"': '"',
        "[": "[",
        "]": "]",
        "-": "-",
      };
      const char = (plain as Record<string, string>)[rest[1]!];
      if (char === undefined) throw new Error(`unknown escape ${rest}`);
      this.#at += 2;
      return char.charCodeAt(0);
    }
    const point = rest.codePointAt(0);
    if (point === undefined) throw new Error(`ends early: ${this.source}`);
    this.#at += point > 0xffff ? 2 : 1;
    return point;
  }

  #take(char: string): boolean {
    this.#space();
    if (this.source[this.#at] !== char) return false;
    this.#at++;
    return true;
  }

  #space(): void {
    while (this.source[this.#at] === " ") this.#at++;
  }
}

/** True if the grammar's `root` matches exactly this text. */
export function matches(grammar: Gbnf, text: string): boolean {
  const points = [...text].map((char) => char.codePointAt(0)!);
  const known = new Map<string, ReadonlySet<number>>();
  const from = (body: Body, at: number): ReadonlySet<number> => {
    switch (body.kind) {
      case "class": {
        const point = points[at];
        return point !== undefined && inClass(body, point) ? new Set([at + 1]) : new Set();
      }
      case "rule": {
        const key = `${body.name} ${at}`;
        const ends = known.get(key) ?? from(grammar.get(body.name)!, at);
        known.set(key, ends);
        return ends;
      }
      case "any":
        return new Set(body.parts.flatMap((part) => [...from(part, at)]));
      case "all":
        return body.parts.reduce<ReadonlySet<number>>(
          (ends, part) => new Set([...ends].flatMap((end) => [...from(part, end)])),
          new Set([at]),
        );
      case "times": {
        let frontier: ReadonlySet<number> = new Set([at]);
        const ends = new Set(body.min === 0 ? frontier : []);
        for (let count = 1; count <= body.max && frontier.size > 0; count++) {
          const next = new Set([...frontier].flatMap((end) => [...from(body.part, end)]));
          frontier = count > body.min ? new Set([...next].filter((end) => !ends.has(end))) : next;
          if (count >= body.min) { for (const end of next) ends.add(end); }
        }
        return ends;
      }
    }
  };
  return from({ kind: "rule", name: "root" }, 0).has(points.length);
}

function inClass(body: Extract<Body, { kind: "class" }>, point: number): boolean {
  return body.ranges.some(([low, high]) => low <= point && point <= high) !== body.negated;
}

/** A generator of random texts of the grammar. Deeper rules are less likely to repeat. */
export function sampler(grammar: Gbnf, random: Random): () => string {
  const heights = heightsOf(grammar);
  const low = new Map<Body, number>();
  const lowest = (body: Body): number => {
    const known = low.get(body) ?? height(body, heights);
    low.set(body, known);
    return known;
  };
  const make = (body: Body, fuel: number): string => {
    switch (body.kind) {
      case "class":
        return String.fromCodePoint(pickPoint(body, random));
      case "rule":
        return make(grammar.get(body.name)!, fuel - 1);
      case "all":
        return body.parts.map((part) => make(part, fuel)).join("");
      case "any": {
        const least = Math.min(...body.parts.map(lowest));
        const open = body.parts.filter((part) => fuel > 0 || lowest(part) === least);
        return make(random.pick(open), fuel);
      }
      case "times": {
        const extra = fuel > 0 ? random.between(0, 3) : 0;
        const full = random.chance(0.1) && body.max <= 70 && fuel > 0;
        const count = full ? body.max : Math.min(body.max, body.min + extra);
        return Array.from({ length: count }, () => make(body.part, fuel)).join("");
      }
    }
  };
  return () => make({ kind: "rule", name: "root" }, random.between(5, 30));
}

/** Depth of the shallowest text of each rule. */
function heightsOf(grammar: Gbnf): Map<string, number> {
  const heights = new Map<string, number>();
  for (let changed = true; changed;) {
    changed = false;
    for (const [name, body] of grammar) {
      const now = height(body, heights) + 1;
      if (now >= (heights.get(name) ?? Infinity)) continue;
      heights.set(name, now);
      changed = true;
    }
  }
  const endless = [...grammar.keys()].filter((name) => !heights.has(name));
  if (endless.length > 0) throw new Error(`never end: ${endless}`);
  return heights;
}

function height(body: Body, heights: ReadonlyMap<string, number>): number {
  switch (body.kind) {
    case "class":
      return 0;
    case "rule":
      return heights.get(body.name) ?? Infinity;
    case "all":
      return Math.max(0, ...body.parts.map((part) => height(part, heights)));
    case "any":
      return Math.min(...body.parts.map((part) => height(part, heights)));
    case "times":
      return body.min === 0 ? 0 : height(body.part, heights);
  }
}

const SAMPLED = [..."abcxyzABC019 _-.,:;!?'\"\\/{}[]@#$%^&*()\n\t\0\x7fäß日本😀"]
  .map((char) => char.codePointAt(0)!);

function pickPoint(body: Extract<Body, { kind: "class" }>, random: Random): number {
  const usual = SAMPLED.filter((point) => inClass(body, point));
  if (body.negated || (usual.length > 0 && random.chance(0.5))) return random.pick(usual);
  const [low, high] = random.pick(body.ranges);
  return random.between(low, high);
}
