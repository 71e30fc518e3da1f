import {
  ALL,
  alt,
  chars,
  EMPTY,
  type Expr,
  isEmpty,
  isNothing,
  MAX_REPETITION,
  NOTHING,
  ref,
  repeat,
  REPEAT_BLOCK,
  seq,
  spend,
} from "../expression/mod.ts";
import { simplify } from "./simplify.ts";

/** A named rule. A helper is inlined if only one rule uses it. */
interface Rule {
  readonly body: Expr;
  readonly helper: boolean;
}

/** Cost of one part of a rule: it is simplified, printed and parsed. */
const RULE_STEPS = 8;
/** Maximum number of rules that are inlined into each other. Inlining recurses. */
const MAX_INLINE_CHAIN = 200;
/** Maximum nesting depth of groups in a body after inlining. */
const MAX_INLINE_DEPTH = 24;

/**
 * Rules under construction. Names are unique among these rules and the names that `taken` reports.
 */
export class Rules {
  readonly #rules = new Map<string, Rule>();
  readonly #names = new Set<string>();
  readonly #counts = new Map<string, number>();
  readonly #shared = new Map<object, string>();

  /**
   * @param taken True for names that a new rule must not have.
   * @param known True for rules that the grammar has already.
   */
  constructor(
    readonly taken: (name: string) => boolean,
    readonly known: (name: string) => boolean = () => false,
  ) {}

  /** Reserves a unique name with a prefix. */
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

  /** Sets the body of a reserved name. */
  define(name: string, body: Expr, helper = false): Expr {
    spend(RULE_STEPS * size(body));
    this.#rules.set(name, { body, helper });
    return ref(name);
  }

  /** A rule whose name says its body, so that all schemas of a grammar share it. */
  shared(name: string, body: () => Expr): Expr {
    // The body of a known rule is not used.
    if (!this.#rules.has(name)) this.define(name, this.known(name) ? chars(ALL) : body());
    return ref(name);
  }

  /** A rule that is made once for each source, such as an automaton. */
  sharedOf(source: object, hint: string, make: () => Expr): Expr {
    let name = this.#shared.get(source);
    if (name === undefined) {
      this.#shared.set(source, name = this.reserve(hint));
      this.define(name, make(), true);
    }
    return ref(name);
  }

  has(name: string): boolean {
    return this.#rules.has(name);
  }

  /**
   * Returns the bodies of the rules that `root` needs, in order of use. Unproductive alternatives
   * are removed, and repetitions respect the limit of llama.cpp's parser.
   *
   * @returns Null if `root` matches no text.
   */
  finish(root: string): Map<string, Expr> | null {
    const productive = this.#productive();
    if (!productive.has(root)) return null;
    for (const [name, { body, helper }] of this.#rules) {
      this.#rules.set(name, { body: prune(body, productive), helper });
    }
    const uses = this.#countUses(root);
    const finished = new Map<string, Expr>();
    const queue = [root];
    const split = (body: Expr, name: string) =>
      splitRepeats(body, (item) => {
        const block = this.reserve(`${name}-part`);
        finished.set(block, item);
        return ref(block);
      });
    for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
      if (finished.has(name) || this.known(name)) continue;
      const inlined = this.#inline(this.#rules.get(name)!.body, uses, 0);
      finished.set(name, EMPTY);
      finished.set(name, split(simplify(inlined), name));
      queue.push(...refs(inlined));
    }
    return finished;
  }

  /** The productive rules: those that match at least one finite text. */
  #productive(): Set<string> {
    const productive = new Set<string>();
    const users = new Map<string, string[]>();
    for (const [name, { body }] of this.#rules) {
      for (const used of refs(body)) users.set(used, [...(users.get(used) ?? []), name]);
    }
    const queue = [...this.#rules.keys()];
    for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
      const rule = this.#rules.get(name);
      if (rule === undefined || productive.has(name) || !isProductive(rule.body, productive)) {
        continue;
      }
      productive.add(name);
      queue.push(...(users.get(name) ?? []));
    }
    return productive;
  }

  #countUses(root: string): Map<string, number> {
    const uses = new Map([[root, 2]]);
    const seen = new Set<string>();
    const queue = [root];
    for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
      if (seen.has(name)) continue;
      seen.add(name);
      for (const used of refs(this.#rules.get(name)!.body)) {
        uses.set(used, (uses.get(used) ?? 0) + 1);
        queue.push(used);
      }
    }
    return uses;
  }

  #inline(expr: Expr, uses: ReadonlyMap<string, number>, depth: number, chain = 0): Expr {
    switch (expr.kind) {
      case "ref": {
        const rule = this.#rules.get(expr.rule)!;
        if (isEmpty(rule.body) || rule.body.kind === "text") return rule.body;
        if (chain >= MAX_INLINE_CHAIN) return expr;
        if (rule.body.kind === "ref") return this.#inline(rule.body, uses, depth, chain + 1);
        if (!rule.helper || uses.get(expr.rule) !== 1 || depth >= MAX_INLINE_DEPTH) return expr;
        return this.#inline(rule.body, uses, depth, chain + 1);
      }
      case "seq":
        return seq(...expr.items.map((item) => this.#inline(item, uses, depth, chain)));
      case "alt":
        return alt(...expr.items.map((item) => this.#inline(item, uses, depth + 1, chain)));
      case "repeat":
        return repeat(this.#inline(expr.item, uses, depth + 1, chain), expr.min, expr.max);
      default:
        return expr;
    }
  }
}

/** Number of parts of a body. */
function size(expr: Expr): number {
  switch (expr.kind) {
    case "seq":
    case "alt":
      return expr.items.reduce((sum, item) => sum + size(item), 1);
    case "repeat":
      return 1 + size(expr.item);
    default:
      return 1;
  }
}

/** The rules that a body references, with repetition. */
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

function isProductive(expr: Expr, productive: ReadonlySet<string>): boolean {
  switch (expr.kind) {
    case "ref":
      return productive.has(expr.rule);
    case "seq":
      return expr.items.every((item) => isProductive(item, productive));
    case "alt":
      return expr.items.some((item) => isProductive(item, productive));
    case "repeat":
      return expr.min === 0 || isProductive(expr.item, productive);
    case "chars":
      return expr.set.length > 0;
    case "text":
      return true;
  }
}

function prune(expr: Expr, productive: ReadonlySet<string>): Expr {
  if (!isProductive(expr, productive)) return NOTHING;
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

/** Splits repetitions to respect the parser's limit with few rules. */
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
      return splitRepeat(once || single ? item : hoist(item), expr.min, expr.max, hoist);
    }
    default:
      return expr;
  }
}

function splitRepeat(item: Expr, min: number, max: number, hoist: (item: Expr) => Expr): Expr {
  const limit = max === Infinity ? Infinity : Math.min(max, MAX_REPETITION);
  const optionalCount = limit - min;
  if (
    min <= 4 * REPEAT_BLOCK && (optionalCount <= 4 * REPEAT_BLOCK || optionalCount === Infinity)
  ) {
    return repeat(item, min, limit);
  }
  const block = hoist(repeat(item, REPEAT_BLOCK, REPEAT_BLOCK));
  const required = seq(
    splitRepeat(block, Math.floor(min / REPEAT_BLOCK), Math.floor(min / REPEAT_BLOCK), hoist),
    repeat(item, min % REPEAT_BLOCK, min % REPEAT_BLOCK),
  );
  if (optionalCount === Infinity) return seq(required, repeat(item, 0, Infinity));
  const blockCount = Math.max(0, Math.floor((optionalCount - REPEAT_BLOCK + 1) / REPEAT_BLOCK));
  return seq(
    required,
    splitRepeat(block, 0, blockCount, hoist),
    repeat(item, 0, optionalCount - blockCount * REPEAT_BLOCK),
  );
}
