import { BudgetError } from "../expression/mod.ts";
import { CombinatorExpander } from "../expansion/mod.ts";
import {
  type Dfa,
  intersection,
  parsePattern,
  PatternError,
  searchAutomaton,
} from "../regex/mod.ts";
import type { SchemaDocument, SchemaNode } from "../document/mod.ts";

/** State that the compilation of one schema shares. */
export class Context {
  readonly combinators: CombinatorExpander;
  readonly #patterns = new Map<string, Dfa>();
  readonly #languages = new Map<string, Dfa>();
  readonly #parts = new Map<SchemaNode, Map<string, unknown>>();
  readonly #merged = new Map<string, unknown>();

  constructor(readonly document: SchemaDocument) {
    this.combinators = new CombinatorExpander(document);
  }

  /** Automaton of the strings that contain a match of a node's pattern. */
  pattern(node: SchemaNode, keyword: string, source: string): Dfa {
    const known = this.#patterns.get(source);
    if (known !== undefined) return known;
    const dfa = this.buildAutomaton(node, keyword, () => searchAutomaton(parsePattern(source)));
    this.#patterns.set(source, dfa);
    return dfa;
  }

  /** Constructs an automaton. If it is too large, the error names the keyword. */
  buildAutomaton<T>(node: SchemaNode, keyword: string, construct: () => T): T {
    try {
      return construct();
    } catch (error) {
      if (!(error instanceof PatternError || error instanceof BudgetError)) throw error;
      throw this.document.unsupported(node, keyword, error.message);
    }
  }

  /** Automaton of the texts that all automata accept; null means all texts. */
  intersect(node: SchemaNode, keyword: string, automata: readonly Dfa[]): Dfa | null {
    const [first, ...rest] = automata;
    if (first === undefined) return null;
    return this.buildAutomaton(node, keyword, () => intersection(first, ...rest));
  }

  /** An automaton that several nodes share. Equal automata become the same rules. */
  memoLanguage(key: string, make: () => Dfa): Dfa {
    let dfa = this.#languages.get(key);
    if (dfa === undefined) this.#languages.set(key, dfa = make());
    return dfa;
  }

  /** Caches a value that is computed from several nodes. */
  memoNodes<T>(nodes: readonly SchemaNode[], name: string, make: () => T): T {
    const key = `${name}:${nodes.map((node) => this.document.idOf(node)).join()}`;
    if (!this.#merged.has(key)) this.#merged.set(key, make());
    return this.#merged.get(key) as T;
  }

  /** Caches a value that is computed from one node. */
  memoNode<T>(node: SchemaNode, name: string, read: () => T): T {
    const parts = this.#parts.get(node) ?? new Map<string, unknown>();
    this.#parts.set(node, parts);
    if (!parts.has(name)) parts.set(name, read());
    return parts.get(name) as T;
  }
}
