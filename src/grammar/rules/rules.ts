import {
  alt,
  BLOCK,
  EMPTY,
  type Expr,
  isEmpty,
  isNothing,
  MAX_REPETITION,
  NOTHING,
  ref,
  repeat,
  seq,
} from "../expression/mod.ts";
import { tidy } from "./tidy.ts";

/** A named rule. Helpers are written into the rule that uses them where only one does. */
interface Rule {
  readonly body: Expr;
  readonly helper: boolean;
}

/** How deep groups may nest in one body once helpers are written into it. */
const MAX_INLINE_DEPTH = 24;

/** Rules under construction. Names are unique among these and among those already `taken`. */
export class Rules {
  readonly #rules = new Map<string, Rule>();
  readonly #names = new Set<string>();
  readonly #counts = new Map<string, number>();

  constructor(readonly taken: (name: string) => boolean) {}

  /** A free name that tells what it stands for. */
  reserve(hint: string): string {
    const base = hint.replace(/[^a-zA-Z0-9]+/g, "-").replace(/^-+/, "").slice(0, 48)
      .replace(/-+$/, "") || "value";
    let name = base;
    let count = this.#counts.get(base) ?? 0;
    while (this.taken(name) || this.#names.has(name)) name = `${base}-${++count}`;
    this.#counts.set(base, count);
    this.#names.add(name);
    return name;
  }

  /** Gives a reserved name its body. */
  define(name: string, body: Expr, helper = false): Expr {
    this.#rules.set(name, { body, helper });
    return ref(name);
  }

  has(name: string): boolean {
    return this.#rules.has(name);
  }

  /**
   * The bodies of the rules that `root` needs, in order of use: alternatives that can never end are
   * gone, and repetitions are within what llama.cpp's parser takes.
   *
   * @returns null if nothing at all matches `root`.
   */
  finish(root: string): Map<string, Expr> | null {
    const productive = this.#productive();
    if (!productive.has(root)) return null;
    for (const [name, { body, helper }] of this.#rules) {
      this.#rules.set(name, { body: prune(body, productive), helper });
    }
    const uses = this.#countUses(root);
    const finished = new Map<string, Expr>();
    const pending = [root];
    const split = (body: Expr, name: string) =>
      splitRepeats(body, (item) => {
        const block = this.reserve(`${name}-part`);
        finished.set(block, item);
        return ref(block);
      });
    for (let name = pending.shift(); name !== undefined; name = pending.shift()) {
      if (finished.has(name)) continue;
      const inlined = this.#inline(this.#rules.get(name)!.body, uses, 0);
      finished.set(name, EMPTY);
      finished.set(name, split(tidy(inlined), name));
      pending.push(...refs(inlined));
    }
    return finished;
  }

  /** The rules from which some finite text can be made. */
  #productive(): Set<string> {
    const productive = new Set<string>();
    const users = new Map<string, string[]>();
    for (const [name, { body }] of this.#rules) {
      for (const used of refs(body)) users.set(used, [...(users.get(used) ?? []), name]);
    }
    const pending = [...this.#rules.keys()];
    for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
      const rule = this.#rules.get(name);
      if (rule === undefined || productive.has(name) || !ends(rule.body, productive)) continue;
      productive.add(name);
      pending.push(...(users.get(name) ?? []));
    }
    return productive;
  }

  #countUses(root: string): Map<string, number> {
    const uses = new Map([[root, 2]]);
    const seen = new Set<string>();
    const pending = [root];
    for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
      if (seen.has(name)) continue;
      seen.add(name);
      for (const used of refs(this.#rules.get(name)!.body)) {
        uses.set(used, (uses.get(used) ?? 0) + 1);
        pending.push(used);
      }
    }
    return uses;
  }

  #inline(expr: Expr, uses: ReadonlyMap<string, number>, depth: number): Expr {
    switch (expr.kind) {
      case "ref": {
        const rule = this.#rules.get(expr.rule)!;
        if (isEmpty(rule.body) || rule.body.kind === "text") return rule.body;
        if (rule.body.kind === "ref") return this.#inline(rule.body, uses, depth);
        if (!rule.helper || uses.get(expr.rule) !== 1 || depth >= MAX_INLINE_DEPTH) return expr;
        return this.#inline(rule.body, uses, depth);
      }
      case "seq":
        return seq(...expr.items.map((item) => this.#inline(item, uses, depth)));
      case "alt":
        return alt(...expr.items.map((item) => this.#inline(item, uses, depth + 1)));
      case "repeat":
        return repeat(this.#inline(expr.item, uses, depth + 1), expr.min, expr.max);
      default:
        return expr;
    }
  }
}

/** The names that a body refers to, each as often as it does. */
function refs(expr: Expr): string[] {
  switch (expr.kind) {
    case "ref":
      return [expr.rule];
    case "seq":
    case "alt":
      return expr.items.flatMap(refs);
    case "repeat":
      return refs(expr.item);
    default:
      return [];
  }
}

function ends(expr: Expr, productive: ReadonlySet<string>): boolean {
  switch (expr.kind) {
    case "ref":
      return productive.has(expr.rule);
    case "seq":
      return expr.items.every((item) => ends(item, productive));
    case "alt":
      return expr.items.some((item) => ends(item, productive));
    case "repeat":
      return expr.min === 0 || ends(expr.item, productive);
    case "chars":
      return expr.set.length > 0;
    case "text":
      return true;
  }
}

function prune(expr: Expr, productive: ReadonlySet<string>): Expr {
  if (!ends(expr, productive)) return NOTHING;
  switch (expr.kind) {
    case "seq":
      return seq(...expr.items.map((item) => prune(item, productive)));
    case "alt":
      return alt(...expr.items.map((item) => prune(item, productive)).filter((x) => !isNothing(x)));
    case "repeat":
      return repeat(prune(expr.item, productive), expr.min, expr.max);
    default:
      return expr;
  }
}

/** Rewrites repetitions so that the parser's own limit is kept and few rules come of them. */
function splitRepeats(expr: Expr, hoist: (item: Expr) => Expr): Expr {
  switch (expr.kind) {
    case "seq":
      return seq(...expr.items.map((item) => splitRepeats(item, hoist)));
    case "alt":
      return alt(...expr.items.map((item) => splitRepeats(item, hoist)));
    case "repeat": {
      const item = splitRepeats(expr.item, hoist);
      const once = expr.min <= 1 && (expr.max <= 1 || expr.max === Infinity);
      const single = item.kind === "ref" || item.kind === "chars" || item.kind === "text";
      return blocks(once || single ? item : hoist(item), expr.min, expr.max, hoist);
    }
    default:
      return expr;
  }
}

function blocks(item: Expr, min: number, max: number, hoist: (item: Expr) => Expr): Expr {
  const limit = max === Infinity ? Infinity : Math.min(max, MAX_REPETITION);
  const spare = limit - min;
  if (min <= 4 * BLOCK && (spare <= 4 * BLOCK || spare === Infinity)) {
    return repeat(item, min, limit);
  }
  const block = hoist(repeat(item, BLOCK, BLOCK));
  const required = seq(
    repeat(block, Math.floor(min / BLOCK), Math.floor(min / BLOCK)),
    repeat(item, min % BLOCK, min % BLOCK),
  );
  if (spare === Infinity) return seq(required, repeat(item, 0, Infinity));
  const whole = Math.max(0, Math.floor((spare - BLOCK + 1) / BLOCK));
  return seq(required, repeat(block, 0, whole), repeat(item, 0, spare - whole * BLOCK));
}
