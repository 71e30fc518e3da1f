import {
  isRecord,
  readMap,
  readSchemas,
  type Schema,
  type SchemaDocument,
  type SchemaNode,
} from "../document/mod.ts";

/** The branches of `if`, `then` and `else`; null if they have no effect. */
export function branchesOf(
  document: SchemaDocument,
  node: SchemaNode,
): { readonly if: Schema; readonly then: Schema; readonly else: Schema } | null {
  const [condition] = readSchemas(document, node, "if");
  if (condition === undefined) return null;
  const [then = true] = readSchemas(document, node, "then");
  const [otherwise = true] = readSchemas(document, node, "else");
  // Without branches, a condition still evaluates properties and items.
  const evaluates = "unevaluatedProperties" in node || "unevaluatedItems" in node;
  if (then === true && otherwise === true && !evaluates) return null;
  return { if: condition, then, else: otherwise };
}

/** Dependencies that are expanded to both cases: with and without the property. */
const MAX_CASES = 6;

/**
 * The conditions of a node on the presence of properties, each as two schemas: the property is
 * absent, or the schema of its presence holds.
 *
 * With many conditions, those that only require other properties are narrowed: the other properties
 * are always required.
 */
export function dependents(document: SchemaDocument, node: SchemaNode): Schema[][] {
  const conditions: { keyword: string; name: string; schema: Schema }[] = [];
  const add = (keyword: string, name: string, value: unknown) => {
    if (Array.isArray(value) || typeof value === "string") {
      const names = typeof value === "string" ? [value] : value;
      if (!names.every((one) => typeof one === "string")) {
        throw document.malformed(node, keyword, "an object of lists of property names");
      }
      if (names.length === 0) return;
      const schema = document.derive(node, keyword, `${name}/list`, () => ({ required: names }));
      conditions.push({ keyword, name, schema });
    } else {
      const pointer = `${document.pointerOf(node)}/${keyword}/${name}`;
      conditions.push({ keyword, name, schema: document.schema(value, pointer) });
    }
  };
  for (const keyword of ["dependentRequired", "dependencies"]) {
    const value = node[keyword] ?? {};
    if (!isRecord(value)) throw document.malformed(node, keyword, "an object");
    for (const [name, needed] of Object.entries(value)) add(keyword, name, needed);
  }
  for (const [name, schema] of readMap(document, node, "dependentSchemas")) {
    add("dependentSchemas", name, schema);
  }
  return conditions.map(({ keyword, name, schema }, index) => {
    const present = document.derive(node, keyword, `${name}/present`, () => ({
      allOf: [{ required: [name] }, schema],
    }));
    const absent = document.derive(node, keyword, `${name}/absent`, () => ({
      properties: { [name]: false },
    }));
    const narrowed = index >= MAX_CASES && isRecord(schema) &&
      Object.keys(schema).join() === "required";
    return narrowed ? [schema] : [absent, present];
  });
}
