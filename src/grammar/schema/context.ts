import { Alternatives } from "./alternatives.ts";
import {
  type Dfa,
  intersection,
  parsePattern,
  PatternError,
  searchAutomaton,
} from "../regex/mod.ts";
import type { SchemaDocument, SchemaNode } from "./schema.ts";

/** What the compilation of one schema shares. */
export class Context {
  readonly alternatives: Alternatives;
  readonly #patterns = new Map<string, Dfa>();
  readonly #parts = new Map<SchemaNode, Map<string, unknown>>();
  readonly #merged = new Map<string, unknown>();

  constructor(readonly document: SchemaDocument) {
    this.alternatives = new Alternatives(document);
  }

  /** The automaton of the strings in which a node's pattern is found. */
  pattern(node: SchemaNode, keyword: string, source: string): Dfa {
    const known = this.#patterns.get(source);
    if (known !== undefined) return known;
    const dfa = this.regular(node, keyword, () => searchAutomaton(parsePattern(source)));
    this.#patterns.set(source, dfa);
    return dfa;
  }

  /** Runs a construction of automata; one that grows too large is the keyword's fault. */
  regular<T>(node: SchemaNode, keyword: string, construct: () => T): T {
    try {
      return construct();
    } catch (error) {
      if (!(error instanceof PatternError)) throw error;
      throw this.document.refuse(node, keyword, error.message);
    }
  }

  /** The texts that all automata accept; null stands for all texts. */
  intersect(node: SchemaNode, keyword: string, automata: readonly Dfa[]): Dfa | null {
    const [first, ...rest] = automata;
    if (first === undefined) return null;
    return this.regular(node, keyword, () => intersection(first, ...rest));
  }

  /** What is made of several nodes together, made once. */
  merged<T>(nodes: readonly SchemaNode[], name: string, make: () => T): T {
    const key = `${name}:${nodes.map((node) => this.document.idOf(node)).join()}`;
    if (!this.#merged.has(key)) this.#merged.set(key, make());
    return this.#merged.get(key) as T;
  }

  /** What is read of a node, read once. */
  part<T>(node: SchemaNode, name: string, read: () => T): T {
    const parts = this.#parts.get(node) ?? new Map<string, unknown>();
    this.#parts.set(node, parts);
    if (!parts.has(name)) parts.set(name, read());
    return parts.get(name) as T;
  }
}
