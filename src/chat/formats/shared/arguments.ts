import type { Tool } from "../../conversation/mod.ts";
import type { Reader, Reading, Sink } from "../../stream/mod.ts";

/** What the value of an argument is: text as it stands, JSON, or whichever it looks like. */
export type ValueKind = "text" | "json" | "either";

/** Writes the JSON text of an object into the arguments of the last call, member by member. */
export class ArgumentsWriter {
  readonly #sink: Sink;
  #members = 0;

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  /** Begins a member; its value follows. */
  key(key: string): void {
    this.#sink.toolArguments(`${this.#members++ === 0 ? "{" : ", "}${JSON.stringify(key)}: `);
  }

  /** JSON text of a value or of a part of it. */
  json(text: string): void {
    this.#sink.toolArguments(text);
  }

  /** A piece of a string, without its quotation marks. */
  piece(text: string): void {
    this.#sink.toolArguments(JSON.stringify(text).slice(1, -1));
  }

  end(): void {
    this.#sink.toolArguments(this.#members === 0 ? "{}" : "}");
  }
}

/**
 * Reads the value of an argument up to `close` and writes it. Text flows as it comes; a value that may
 * be JSON is looked at when it is complete. `lines` tells that a newline on either side is no part of
 * the value.
 */
export function* readValue(
  reader: Reader,
  writer: ArgumentsWriter,
  close: string,
  kind: ValueKind,
  lines: boolean,
): Reading<void> {
  if (kind !== "text") {
    const { text } = yield* reader.textUntil(close);
    writer.json(asJson(lines ? text.replace(/^\r?\n|\r?\n$/g, "") : text));
    return;
  }
  writer.json('"');
  if (lines) yield* reader.oneOf("\r\n", "\n");
  let held = "";
  yield* reader.until([close], (text) => {
    const all = held + text;
    held = lines ? /\r?\n?$/.exec(all)![0] : "";
    writer.piece(all.slice(0, all.length - held.length));
  });
  writer.json('"');
}

/** A value as JSON: as it stands when it is JSON or a Python literal, else as a string. */
function asJson(text: string): string {
  const value = asValue(text);
  return typeof value === "string" || /^(True|False|None)$/.test(text.trim())
    ? JSON.stringify(value)
    : text.trim();
}

/** The value of a text that is JSON or a Python literal; any other text is itself. */
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

/** What a tool's schema makes of the argument `key`. */
export function kindOf(tool: Tool | undefined, key: string): ValueKind {
  const properties = tool?.parameters["properties"];
  if (typeof properties !== "object" || properties === null) return "either";
  return kindOfSchema((properties as Record<string, unknown>)[key]);
}

function kindOfSchema(schema: unknown): ValueKind {
  if (typeof schema !== "object" || schema === null) return "either";
  const { type, enum: values, anyOf, oneOf } = schema as Record<string, unknown>;
  if (type !== undefined) {
    const types = Array.isArray(type) ? type : [type];
    if (types.length === 1) return types[0] === "string" ? "text" : "json";
    return types.includes("string") ? "either" : "json";
  }
  if (Array.isArray(values)) {
    return values.every((value) => typeof value === "string") ? "text" : "either";
  }
  const kinds = new Set(
    [anyOf, oneOf].flatMap((list) => Array.isArray(list) ? list : [])
      .map(kindOfSchema),
  );
  return kinds.size === 1 ? [...kinds][0]! : "either";
}
