import { MAX_ALTERNATIVES, spend } from "../expression/mod.ts";
import { branchesOf, dependents } from "./conditions.ts";
import {
  constrains,
  noteUnknownKeywords,
  readList,
  readSchemas,
  readString,
  type Schema,
  type SchemaDocument,
  type SchemaNode,
} from "../document/mod.ts";
import { unevaluatedRules } from "./unevaluated.ts";

/** A conjunction of schemas without combinators. A value is valid if it satisfies all `nodes`. */
export interface Alternative {
  readonly nodes: readonly SchemaNode[];
  /** Schemas that must not match: those of `not`, and the other branches of a `oneOf`. */
  readonly excluded: readonly Exclusion[];
}

export interface Exclusion extends Alternative {
  /** The node of the `oneOf` or `not`. */
  readonly holder: SchemaNode;
  readonly keyword: "oneOf" | "not" | "if";
}

/** Maximum length of a chain of references. */
const MAX_CHAIN = 256;

const ANYTHING: Alternative = { nodes: [], excluded: [] };

function isAnything({ nodes, excluded }: Alternative): boolean {
  return nodes.length === 0 && excluded.length === 0;
}

/** Expands combinators and conditions to alternatives without them. */
export class CombinatorExpander {
  readonly #known = new Map<SchemaNode, readonly Alternative[]>();

  constructor(readonly document: SchemaDocument) {}

  /** The alternatives that satisfy all of the schemas. Empty if that is impossible. */
  expand(schemas: readonly Schema[]): readonly Alternative[] {
    return schemas.reduce<readonly Alternative[]>(
      (alternatives, schema) => this.combine(alternatives, this.#expandSchema(schema, []), schema),
      [ANYTHING],
    );
  }

  #expandSchema(schema: Schema, path: readonly SchemaNode[]): readonly Alternative[] {
    if (schema === true) return [ANYTHING];
    if (schema === false) return [];
    const known = this.#known.get(schema);
    if (known !== undefined) return known;
    if (path.includes(schema)) {
      throw this.document.unsupported(
        schema,
        "$ref",
        "it refers back to itself without a value in between",
      );
    }
    if (path.length >= MAX_CHAIN) {
      throw this.document.unsupported(
        schema,
        "$ref",
        `the chain of references is longer than ${MAX_CHAIN}`,
      );
    }
    const alternatives = this.#expandNode(schema, [...path, schema]);
    this.#known.set(schema, alternatives);
    return alternatives;
  }

  #expandNode(node: SchemaNode, path: readonly SchemaNode[]): readonly Alternative[] {
    noteUnknownKeywords(this.document, node);
    let alternatives: readonly Alternative[] = constrains(node)
      ? [{ nodes: [node], excluded: [] }]
      : [ANYTHING];
    const add = (...branches: readonly Schema[]) => {
      const expanded = branches.flatMap((branch) => this.#expandSchema(branch, path));
      alternatives = this.combine(alternatives, expanded, node);
    };
    for (const target of this.#targets(node)) add(target);
    for (const branch of readList(this.document, node, "allOf")) add(branch);
    const any = readList(this.document, node, "anyOf");
    if (any.length > 0) add(...any);
    const one = readList(this.document, node, "oneOf");
    if (one.length > 0) {
      alternatives = this.combine(alternatives, this.#oneOf(node, one, path), node);
    }
    for (const schema of readSchemas(this.document, node, "not")) {
      const excluded = this.#excluded(node, "not", schema, path);
      alternatives = this.combine(alternatives, excluded, node);
    }
    for (const branches of dependents(this.document, node)) add(...branches);
    const condition = branchesOf(this.document, node);
    if (condition !== null) {
      const whether = this.#expandSchema(condition.if, path);
      const unless = this.#excluded(node, "if", condition.if, path);
      const [then, otherwise] = [condition.then, condition.else].map((schema) =>
        this.#expandSchema(schema, path)
      );
      alternatives = this.combine(alternatives, [
        ...this.combine(whether, then!, node),
        ...this.combine(unless, otherwise!, node),
      ], node);
    }
    return alternatives.flatMap((alternative) => {
      const rules = unevaluatedRules(this.document, node, alternative.nodes);
      return rules.reduce<readonly Alternative[]>(
        (all, rule) => this.combine(all, this.#expandSchema(rule, path), node),
        [alternative],
      );
    });
  }

  /** The targets of a node's references. */
  #targets(node: SchemaNode): Schema[] {
    const targets: Schema[] = [];
    const reference = readString(this.document, node, "$ref");
    if (reference !== undefined) targets.push(this.document.resolve(node, reference));
    for (const keyword of ["$dynamicRef", "$recursiveRef"]) {
      const dynamic = readString(this.document, node, keyword);
      if (dynamic !== undefined) {
        targets.push(this.document.resolveDynamic(node, dynamic, keyword));
      }
    }
    return targets;
  }

  #oneOf(
    holder: SchemaNode,
    branches: readonly Schema[],
    path: readonly SchemaNode[],
  ): readonly Alternative[] {
    const expanded = branches.map((branch) => this.#expandSchema(branch, path));
    return expanded.flatMap((alternatives, index) => {
      const others = expanded.filter((_, other) => other !== index).flat()
        .map((other): Exclusion => ({ ...other, holder, keyword: "oneOf" }));
      return alternatives.map(({ nodes, excluded }) => ({
        nodes,
        excluded: [...excluded, ...others],
      }));
    });
  }

  /** The values that a schema does not allow. */
  #excluded(
    holder: SchemaNode,
    keyword: "not" | "if",
    schema: Schema,
    path: readonly SchemaNode[],
  ): readonly Alternative[] {
    const matched = this.#expandSchema(schema, path);
    return [{ nodes: [], excluded: matched.map((one) => ({ ...one, holder, keyword })) }];
  }

  /** The alternatives that satisfy one of each list. */
  combine(
    a: readonly Alternative[],
    b: readonly Alternative[],
    at: Schema,
  ): readonly Alternative[] {
    if (b.length === 1 && b[0] === ANYTHING) return a;
    if (a.length * b.length > MAX_ALTERNATIVES && typeof at !== "boolean") {
      throw this.document.unsupported(
        at,
        ["oneOf", "anyOf", "allOf", "if", "dependentSchemas", "dependentRequired", "dependencies"]
          .find((key) => key in at) ?? "$ref",
        `it expands to more than ${MAX_ALTERNATIVES} combinations`,
      );
    }
    const parts = (list: readonly Alternative[]) =>
      list.reduce((sum, { nodes, excluded }) => sum + 1 + nodes.length + 4 * excluded.length, 0);
    spend(2 * (a.length * parts(b) + b.length * parts(a)));
    const combined = a.flatMap((left) =>
      b.map((right) => ({
        nodes: [...new Set([...left.nodes, ...right.nodes])],
        excluded: [...left.excluded, ...right.excluded],
      }))
    ).filter(({ excluded }) => !excluded.some(isAnything));
    return [
      ...new Map(combined.map((alternative) => [this.alternativeKey(alternative), alternative]))
        .values(),
    ];
  }

  /** A key that is equal for equivalent alternatives. */
  alternativeKey({ nodes, excluded }: Alternative): string {
    const ids = nodes.map((node) => this.document.idOf(node)).sort((a, b) => a - b).join();
    const others = excluded.map((other) => `(${this.alternativeKey(other)})`);
    return [ids, ...new Set(others.sort())].join("!");
  }
}
