import { MAX_ALTERNATIVES } from "../expression/mod.ts";
import { checkKeywords, constrains, readList, readString } from "./keywords.ts";
import type { Schema, SchemaDocument, SchemaNode } from "./schema.ts";

/** A conjunction of schemas without combinators. A value is valid if it satisfies all `nodes`. */
export interface Alternative {
  readonly nodes: readonly SchemaNode[];
  /** Schemas that must not match: the other branches of a `oneOf`. */
  readonly excluded: readonly Exclusion[];
}

export interface Exclusion {
  readonly nodes: readonly SchemaNode[];
  /** The node of the `oneOf`. */
  readonly holder: SchemaNode;
}

/** Maximum length of a chain of references. */
const MAX_CHAIN = 256;

const ANYTHING: Alternative = { nodes: [], excluded: [] };

/** Expands `$ref`, `allOf`, `anyOf` and `oneOf` to alternatives without combinators. */
export class CombinatorExpander {
  readonly #known = new Map<SchemaNode, readonly Alternative[]>();

  constructor(readonly document: SchemaDocument) {}

  /** The alternatives that satisfy all of the schemas. Empty if that is impossible. */
  expand(schemas: readonly Schema[]): readonly Alternative[] {
    return schemas.reduce<readonly Alternative[]>(
      (alternatives, schema) => this.#combine(alternatives, this.#expandSchema(schema, []), schema),
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
    checkKeywords(this.document, node);
    let alternatives: readonly Alternative[] = constrains(node)
      ? [{ nodes: [node], excluded: [] }]
      : [ANYTHING];
    const reference = readString(this.document, node, "$ref");
    if (reference !== undefined) {
      const target = this.document.resolve(node, reference);
      alternatives = this.#combine(alternatives, this.#expandSchema(target, path), node);
    }
    for (const branch of readList(this.document, node, "allOf")) {
      alternatives = this.#combine(alternatives, this.#expandSchema(branch, path), node);
    }
    const any = readList(this.document, node, "anyOf");
    if (any.length > 0) {
      alternatives = this.#combine(
        alternatives,
        any.flatMap((branch) => this.#expandSchema(branch, path)),
        node,
      );
    }
    const one = readList(this.document, node, "oneOf");
    if (one.length > 0) {
      alternatives = this.#combine(alternatives, this.#oneOf(node, one, path), node);
    }
    return alternatives;
  }

  #oneOf(
    holder: SchemaNode,
    branches: readonly Schema[],
    path: readonly SchemaNode[],
  ): readonly Alternative[] {
    const expanded = branches.map((branch) => this.#expandSchema(branch, path));
    return expanded.flatMap((alternatives, index) => {
      const others = expanded.filter((_, other) => other !== index).flat()
        .map(({ nodes }) => ({ nodes, holder }));
      return alternatives.map(({ nodes, excluded }) => ({
        nodes,
        excluded: [...excluded, ...others],
      }));
    });
  }

  #combine(
    a: readonly Alternative[],
    b: readonly Alternative[],
    at: Schema,
  ): readonly Alternative[] {
    if (b.length === 1 && b[0] === ANYTHING) return a;
    if (a.length * b.length > MAX_ALTERNATIVES && typeof at !== "boolean") {
      throw this.document.unsupported(
        at,
        ["oneOf", "anyOf", "allOf"].find((key) => key in at) ?? "$ref",
        `it expands to more than ${MAX_ALTERNATIVES} combinations`,
      );
    }
    const combined = a.flatMap((left) =>
      b.map((right) => ({
        nodes: [...new Set([...left.nodes, ...right.nodes])],
        excluded: [...left.excluded, ...right.excluded],
      }))
    );
    return [
      ...new Map(combined.map((alternative) => [this.alternativeKey(alternative), alternative]))
        .values(),
    ];
  }

  /** A key that is equal for equivalent alternatives. */
  alternativeKey({ nodes, excluded }: Alternative): string {
    const ids = (list: readonly SchemaNode[]) =>
      list.map((node) => this.document.idOf(node)).sort((a, b) => a - b).join();
    return [ids(nodes), ...excluded.map((other) => ids(other.nodes)).sort()].join("!");
  }
}
