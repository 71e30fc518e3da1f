import { MAX_ALTERNATIVES } from "../expression/mod.ts";
import { checkKeywords, constrains, readList, readString } from "./keywords.ts";
import type { Schema, SchemaDocument, SchemaNode } from "./schema.ts";

/** One way for a value to be right: it keeps to all of `nodes`, each read without its combinators. */
export interface Alternative {
  readonly nodes: readonly SchemaNode[];
  /** What must not hold as well: the other branches of a `oneOf`. */
  readonly unless: readonly Exclusion[];
}

export interface Exclusion {
  readonly nodes: readonly SchemaNode[];
  /** The node whose `oneOf` excludes it. */
  readonly holder: SchemaNode;
}

/** References may lead on to references for so long. */
const MAX_CHAIN = 256;

const ANYTHING: Alternative = { nodes: [], unless: [] };

/** Multiplies out `$ref`, `allOf`, `anyOf` and `oneOf`, so that what is left holds no combinator. */
export class Alternatives {
  readonly #known = new Map<SchemaNode, readonly Alternative[]>();

  constructor(readonly document: SchemaDocument) {}

  /** The ways to keep to all of the schemas at once; none if that is impossible. */
  of(schemas: readonly Schema[]): readonly Alternative[] {
    return schemas.reduce<readonly Alternative[]>(
      (ways, schema) => this.#both(ways, this.#ofSchema(schema, []), schema),
      [ANYTHING],
    );
  }

  #ofSchema(schema: Schema, path: readonly SchemaNode[]): readonly Alternative[] {
    if (schema === true) return [ANYTHING];
    if (schema === false) return [];
    const known = this.#known.get(schema);
    if (known !== undefined) return known;
    if (path.includes(schema)) {
      throw this.document.refuse(schema, "$ref", "it leads back to itself with no value between");
    }
    if (path.length >= MAX_CHAIN) {
      throw this.document.refuse(
        schema,
        "$ref",
        `more than ${MAX_CHAIN} references follow each other`,
      );
    }
    const ways = this.#expand(schema, [...path, schema]);
    this.#known.set(schema, ways);
    return ways;
  }

  #expand(node: SchemaNode, path: readonly SchemaNode[]): readonly Alternative[] {
    checkKeywords(this.document, node);
    let ways: readonly Alternative[] = constrains(node)
      ? [{ nodes: [node], unless: [] }]
      : [ANYTHING];
    const reference = readString(this.document, node, "$ref");
    if (reference !== undefined) {
      const target = this.document.resolve(node, reference);
      ways = this.#both(ways, this.#ofSchema(target, path), node);
    }
    for (const part of readList(this.document, node, "allOf")) {
      ways = this.#both(ways, this.#ofSchema(part, path), node);
    }
    const any = readList(this.document, node, "anyOf");
    if (any.length > 0) {
      ways = this.#both(ways, any.flatMap((branch) => this.#ofSchema(branch, path)), node);
    }
    const one = readList(this.document, node, "oneOf");
    if (one.length > 0) ways = this.#both(ways, this.#oneOf(node, one, path), node);
    return ways;
  }

  #oneOf(
    holder: SchemaNode,
    branches: readonly Schema[],
    path: readonly SchemaNode[],
  ): readonly Alternative[] {
    const expanded = branches.map((branch) => this.#ofSchema(branch, path));
    return expanded.flatMap((ways, index) => {
      const others = expanded.filter((_, other) => other !== index).flat()
        .map(({ nodes }) => ({ nodes, holder }));
      return ways.map(({ nodes, unless }) => ({ nodes, unless: [...unless, ...others] }));
    });
  }

  #both(
    a: readonly Alternative[],
    b: readonly Alternative[],
    at: Schema,
  ): readonly Alternative[] {
    if (b.length === 1 && b[0] === ANYTHING) return a;
    if (a.length * b.length > MAX_ALTERNATIVES && typeof at !== "boolean") {
      throw this.document.refuse(
        at,
        ["oneOf", "anyOf", "allOf"].find((key) => key in at) ?? "$ref",
        `it multiplies out to more than ${MAX_ALTERNATIVES} combinations`,
      );
    }
    const combined = a.flatMap((left) =>
      b.map((right) => ({
        nodes: [...new Set([...left.nodes, ...right.nodes])],
        unless: [...left.unless, ...right.unless],
      }))
    );
    return [...new Map(combined.map((way) => [this.keyOf(way), way])).values()];
  }

  /** Equal for alternatives that mean the same. */
  keyOf({ nodes, unless }: Alternative): string {
    const ids = (list: readonly SchemaNode[]) =>
      list.map((node) => this.document.idOf(node)).sort((a, b) => a - b).join();
    return [ids(nodes), ...unless.map((other) => ids(other.nodes)).sort()].join("!");
  }
}
