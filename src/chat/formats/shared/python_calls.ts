import { argumentsObject, type Tool, type ToolCall } from "../../conversation/mod.ts";
import { anyOf, type GrammarRules, membersRule, quoted } from "./gbnf.ts";
import type { EventBuffer, IncrementalParser, Reader } from "../../stream/mod.ts";
import { argumentsForms } from "./arguments_schema.ts";
import { ArgumentsWriter } from "./arguments.ts";

/**
 * Parses a Python list of calls, `[name(key="value", other=2), name()]`, with optional brackets.
 * True if there was at least one. Each argument is written when it is complete.
 */
export function* readPythonCalls(
  reader: Reader,
  output: EventBuffer,
  accept: (name: string) => boolean = () => true,
): IncrementalParser<boolean> {
  for (let calls = 0;; calls++) {
    yield* reader.run(/[\s,[]/);
    const name = yield* reader.run(/[\w.-]/);
    const opened = name !== "" && (yield* reader.literal("("));
    if (name !== "" && reader.isCut) output.startCall();
    if (!opened || !accept(name)) {
      yield* reader.literal("]");
      return calls > 0;
    }
    output.toolCall(name);
    const writer = new ArgumentsWriter(output);
    if (yield* readKeywords(reader, writer)) writer.end();
  }
}

/** Parses the arguments of a call. False if they were cut. */
function* readKeywords(reader: Reader, writer: ArgumentsWriter): IncrementalParser<boolean> {
  for (;;) {
    yield* reader.run(/[\s,]/);
    const key = yield* reader.run(/[\w-]/);
    yield* reader.space();
    if (key === "" || !(yield* reader.literal("="))) break;
    yield* reader.space();
    const value = yield* readPythonValue(reader);
    if (reader.isCut) return false;
    writer.key(key);
    writer.json(JSON.stringify(value));
  }
  return (yield* reader.literal(")")) || !reader.isCut;
}

/** Parses a Python literal or JSON, which differ only in three words. */
function* readPythonValue(reader: Reader): IncrementalParser<unknown> {
  const next = yield* reader.peek();
  if (next === '"' || next === "'") return yield* readPythonString(reader);
  if (next === "[" || next === "(") return yield* readPythonList(reader);
  if (next === "{") return yield* readPythonDictionary(reader);
  const word = yield* reader.run(/[^\s,()[\]{}:]/);
  const literals: Readonly<Record<string, unknown>> = {
    True: true,
    true: true,
    False: false,
    false: false,
    None: null,
    null: null,
  };
  if (Object.hasOwn(literals, word)) return literals[word];
  return word !== "" && Number.isFinite(Number(word)) ? Number(word) : word;
}

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r", b: "\b", f: "\f" };

function* readPythonString(reader: Reader): IncrementalParser<string> {
  const quote = (yield* reader.oneOf('"', "'"))!;
  let text = "";
  for (;;) {
    const stop = yield* reader.until([quote, "\\"], (piece) => text += piece);
    if (stop !== "\\") return text;
    const escaped = yield* readCharacter(reader);
    if (escaped === "u") {
      let digits = "";
      for (let count = 0; count < 4; count++) digits += yield* readCharacter(reader);
      text += String.fromCharCode(Number.parseInt(digits, 16) || 0xfffd);
    } else {
      text += ESCAPES[escaped] ?? escaped;
    }
  }
}

function* readCharacter(reader: Reader): IncrementalParser<string> {
  const next = yield* reader.peek();
  if (next !== "") yield* reader.literal(next);
  return next;
}

function* readPythonList(reader: Reader): IncrementalParser<unknown[]> {
  yield* reader.oneOf("[", "(");
  const items: unknown[] = [];
  for (;;) {
    yield* reader.run(/[\s,]/);
    if ((yield* reader.oneOf("]", ")")) !== null || (yield* reader.peek()) === "") return items;
    items.push(yield* readPythonValue(reader));
    if (yield* isBroken(reader, "])")) return items;
  }
}

function* readPythonDictionary(reader: Reader): IncrementalParser<Record<string, unknown>> {
  yield* reader.literal("{");
  const members: Record<string, unknown> = {};
  for (;;) {
    yield* reader.run(/[\s,]/);
    if ((yield* reader.literal("}")) || (yield* reader.peek()) === "") return members;
    const key = String(yield* readPythonValue(reader));
    yield* reader.run(/[\s:]/);
    members[key] = yield* readPythonValue(reader);
    if (yield* isBroken(reader, "}")) return members;
  }
}

/**
 * True if an item is followed by neither a comma nor a closing bracket, so the text is malformed.
 */
function* isBroken(reader: Reader, brackets: string): IncrementalParser<boolean> {
  yield* reader.space();
  const next = yield* reader.peek();
  return next !== "," && !brackets.includes(next);
}

/** Writes calls as a Python list. */
export function writePythonCalls(calls: readonly ToolCall[]): string {
  const written = calls.map((call) => {
    const members = Object.entries(argumentsObject(call))
      .map(([key, value]) => `${key}=${pythonLiteral(value)}`);
    return `${call.name}(${members.join(", ")})`;
  });
  return `[${written.join(", ")}]`;
}

function pythonLiteral(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(pythonLiteral).join(", ")}]`;
  if (typeof value === "object" && value !== null) {
    const members = Object.entries(value)
      .map(([key, item]) => `${JSON.stringify(key)}: ${pythonLiteral(item)}`);
    return `{${members.join(", ")}}`;
  }
  if (typeof value === "boolean") return value ? "True" : "False";
  return value === null ? "None" : JSON.stringify(value);
}

/** GBNF expression for a Python list of calls. */
export function pythonGrammar(
  tools: readonly Tool[],
  rules: GrammarRules,
  parallel: boolean,
): string {
  const call = rules.add("call", anyOf(tools.map((tool) => callRule(tool, rules))));
  return parallel ? `"[" ${call} ( ", " ${call} )* "]"` : `"[" ${call} "]"`;
}

function callRule(tool: Tool, rules: GrammarRules): string {
  const forms = argumentsForms(tool).map(({ members, required, others }) => {
    const written = [...members].map(([key, schemas]) => ({
      rule: `${quoted(`${key}=`)} ${valueRule(tool, schemas, rules)}`,
      required: required.has(key),
    }));
    if (others === null) return membersRule(written, ", ");
    const other = `[a-zA-Z_] [a-zA-Z0-9_]* "=" ${valueRule(tool, others, rules)}`;
    if (written.length === 0) return `( ${other} ( ", " ${other} )* )?`;
    return membersRule(written, ", ");
  });
  return `${quoted(`${tool.name}(`)} ${anyOf(forms.map((form) => form || '""'))} ")"`;
}

function valueRule(tool: Tool, schemas: readonly unknown[], rules: GrammarRules): string {
  const [schema] = schemas;
  const node = Object(schemas.length === 1 ? schema : undefined) as Record<string, unknown>;
  if (node["type"] === "boolean" && !("enum" in node) && node["nullable"] !== true) {
    return '( "True" | "False" )';
  }
  return `( ${rules.argument(tool, schemas)}${acceptsNull(schema) ? ' | "None"' : ""} )`;
}

/** True if a listed type of a schema is null. */
function acceptsNull(schema: unknown): boolean {
  const { type, enum: values, nullable } = Object(schema) as Record<string, unknown>;
  return (Array.isArray(type) && type.includes("null")) ||
    (nullable === true && type !== undefined) ||
    (Array.isArray(values) && type === undefined && values.includes(null));
}
