import { TYPES } from "./keywords.ts";
import { withoutNulls } from "./nulls.ts";
import { isRecord, SchemaDocument, SchemaFault } from "./schema.ts";

/** Maximum number of keywords that are left out of one schema. */
const MAX_DROPPED = 256;

/** Keywords whose equal uses have the same fault. */
const ALIKE: readonly string[] = ["format", "pattern", "type"];

/** The result for a schema, and a sentence for each keyword that is not enforced. */
export interface Relaxed<T> {
  readonly value: T;
  readonly notices: readonly string[];
}

/**
 * Compiles a schema. If the compiler refuses a keyword, that keyword is left out and the rest of the
 * schema is kept. The result accepts more values than the schema.
 *
 * @throws {ShimmyError} If the schema has a fault that is not a keyword's.
 */
export function compileRelaxed<T>(
  schema: unknown,
  field: string,
  compile: (document: SchemaDocument) => T,
): Relaxed<T> {
  // The size is checked before the copy, because a copy is recursive.
  new SchemaDocument(schema, field);
  const copy = withoutNulls(structuredClone(schema));
  const notices: string[] = [];
  for (;;) {
    const document = new SchemaDocument(copy, field);
    try {
      return { value: compile(document), notices };
    } catch (error) {
      if (!(error instanceof SchemaFault) || notices.length >= MAX_DROPPED) throw error;
      dropKeyword(document, error, notices);
    }
  }
}

function dropKeyword(document: SchemaDocument, fault: SchemaFault, notices: string[]): void {
  const { node, keyword } = fault;
  const value = node[keyword];
  if (value === undefined) throw fault;
  const wider = widen(keyword, value);
  const alike = ALIKE.includes(keyword)
    ? document.nodes.filter((other) => JSON.stringify(other[keyword]) === JSON.stringify(value))
    : [node];
  for (const other of new Set([node, ...alike])) {
    // The document is a copy of the client's schema.
    const changed = other as Record<string, unknown>;
    delete changed[keyword];
    if (wider !== null && !(wider.keyword in changed)) changed[wider.keyword] = wider.value;
  }
  notices.push(`${fault.message}; ${wider === null ? "it is not enforced" : wider.what}`);
}

/** A keyword that keeps a part of the constraint. */
function widen(
  keyword: string,
  value: unknown,
): { readonly keyword: string; readonly value: unknown; readonly what: string } | null {
  if (keyword === "oneOf" && Array.isArray(value)) {
    return { keyword: "anyOf", value, what: "it is enforced as anyOf" };
  }
  if (keyword === "type" && !isRecord(value)) {
    const names = [value].flat().map((name) => String(name).toLowerCase());
    const known = TYPES.filter((type) => names.includes(type));
    if (known.length === names.length) {
      return { keyword, value: known, what: `it is read as ${known.join(", ")}` };
    }
  }
  return null;
}
