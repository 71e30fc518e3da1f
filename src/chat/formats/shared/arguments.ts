import type { Tool } from "../../conversation/mod.ts";
import { resolved, schemasOf, Visits } from "./arguments_schema.ts";
import type { EventBuffer, IncrementalParser, Reader } from "../../stream/mod.ts";

/** How the value of an argument is written: raw text, JSON, or either. */
export type ValueKind = "text" | "json" | "either";

/** Writes the arguments of the last call as a JSON object, one member at a time. */
export class ArgumentsWriter {
  readonly #output: EventBuffer;
  #members = 0;

  constructor(output: EventBuffer) {
    this.#output = output;
  }

  /** Starts a member. Its value follows. */
  key(key: string): void {
    this.#output.toolArguments(`${this.#members++ === 0 ? "{" : ", "}${JSON.stringify(key)}: `);
  }

  /** Writes JSON text of a value or a part of it. */
  json(text: string): void {
    this.#output.toolArguments(text);
  }

  /** Writes a piece of a string without quotation marks. */
  piece(text: string): void {
    this.#output.toolArguments(JSON.stringify(text).slice(1, -1));
  }

  end(): void {
    this.#output.toolArguments(this.#members === 0 ? "{}" : "}");
  }
}

/**
 * Parses the value of an argument up to `close` and writes it. Of a value that was cut, only text is
 * written. Text is streamed. A value that may
 * be JSON is written when it is complete. With `lines`, surrounding newlines are not part of the
 * value.
 */
export function* readValue(
  reader: Reader,
  writer: ArgumentsWriter,
  close: string,
  kind: ValueKind,
  lines: boolean,
): IncrementalParser<void> {
  if (kind !== "text") {
    const { text, stop } = yield* reader.textUntil(close);
    // The start of a value may be another value.
    if (stop === null && reader.isCut) return;
    writer.json(asJson(lines ? text.replace(/^\r?\n|\r?\n$/g, "") : text));
    return;
  }
  writer.json('"');
  if (lines) yield* reader.oneOf("\r\n", "\n");
  let held = "";
  const stop = yield* reader.until([close], (text) => {
    const all = held + text;
    held = lines ? /\r?\n?$/.exec(all)![0] : "";
    writer.piece(all.slice(0, all.length - held.length));
  });
  if (stop !== null || !reader.isCut) writer.json('"');
}

/** Converts a value to JSON: JSON and Python literals are parsed, other text becomes a string. */
function asJson(text: string): string {
  const value = asValue(text);
  return typeof value === "string" || /^(True|False|None)$/.test(text.trim())
    ? JSON.stringify(value)
    : text.trim();
}

/** Parses JSON or a Python literal. Other text is returned unchanged. */
export function asValue(text: string): unknown {
  const trimmed = text.trim();
  const literals: Readonly<Record<string, unknown>> = { True: true, False: false, None: null };
  if (Object.hasOwn(literals, trimmed)) return literals[trimmed];
  try {
    return JSON.parse(trimmed);
  } catch {
    return text;
  }
}

/** The kind of the argument `key` in a tool's schema. The grammar of the call uses the same kind. */
export function kindOf(tool: Tool | undefined, key: string): ValueKind {
  return tool === undefined ? "either" : kindOfSchemas(tool.parameters, schemasOf(tool, key));
}

/** The kind of a value that is valid for schemas with the same root. */
export function kindOfSchemas(root: Tool["parameters"], schemas: readonly unknown[]): ValueKind {
  const visits = new Visits();
  return commonKind(schemas.map((schema) => kindOfSchema(root, schema, visits)));
}

function commonKind(kinds: readonly ValueKind[]): ValueKind {
  return new Set(kinds).size === 1 ? kinds[0]! : "either";
}

function kindOfSchema(root: Tool["parameters"], schema: unknown, visits: Visits): ValueKind {
  const target = resolved(root, schema);
  if (typeof target !== "object" || target === null || !visits.next()) return "either";
  const node = target as Record<string, unknown>;
  const { type, enum: values, anyOf, oneOf, allOf, nullable } = node;
  if (type !== undefined) {
    const types = [type, nullable === true ? "null" : []].flat()
      .map((name) => String(name).toLowerCase());
    if (types.length === 1) return types[0] === "string" ? "text" : "json";
    return types.includes("string") ? "either" : "json";
  }
  if ("const" in node) return typeof node["const"] === "string" ? "text" : "json";
  if (Array.isArray(values)) {
    return values.every((value) => typeof value === "string")
      ? "text"
      : values.some((value) => typeof value === "string")
      ? "either"
      : "json";
  }
  const branches = [anyOf, oneOf].find(Array.isArray);
  if (branches !== undefined) {
    return commonKind(branches.map((branch: unknown) => kindOfSchema(root, branch, visits)));
  }
  if (!Array.isArray(allOf)) return "either";
  const kinds = allOf.map((part: unknown) => kindOfSchema(root, part, visits));
  return kinds.find((kind) => kind !== "either") ?? "either";
}
