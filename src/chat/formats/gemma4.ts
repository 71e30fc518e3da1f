import { argumentsObject, type Tool, type ToolCall } from "../conversation/mod.ts";
import { anyOf, type GrammarRules, membersRule, quoted } from "./shared/gbnf.ts";
import type { EventBuffer, IncrementalParser, Reader } from "../stream/mod.ts";
import type { ToolFormat } from "./shared/format.ts";
import { ArgumentsWriter, asValue } from "./shared/arguments.ts";
import { readSections } from "./shared/sections.ts";

const OPEN = "<|tool_call>";
const CLOSE = "<tool_call|>";
const QUOTE = '<|"|>';

function* readCall(reader: Reader, output: EventBuffer): IncrementalParser<boolean> {
  if (!(yield* reader.literal("call:"))) return false;
  const { text: name } = yield* reader.textUntil("{");
  if (reader.isCut) return false;
  output.toolCall(name.trim());
  const writer = new ArgumentsWriter(output);
  for (;;) {
    const key = yield* readKey(reader);
    if (key === null) break;
    const value = yield* readValue(reader);
    if (reader.isCut) return true;
    writer.key(key);
    writer.json(JSON.stringify(value));
  }
  if (reader.isCut) return true;
  writer.end();
  yield* reader.literal(CLOSE);
  return true;
}

/** Parses the key of the next member and the colon. Returns null at the end of the object. */
function* readKey(reader: Reader): IncrementalParser<string | null> {
  yield* reader.run(/[\s,]/);
  if (yield* reader.literal(QUOTE)) {
    const { text } = yield* reader.textUntil(QUOTE);
    yield* reader.run(/[\s:]/);
    return text;
  }
  const key = yield* reader.run(/[^:{}<]/);
  return (yield* reader.oneOf(":", "}")) === ":" ? key.trim() : null;
}

function* readValue(reader: Reader): IncrementalParser<unknown> {
  yield* reader.space();
  switch (yield* reader.oneOf(QUOTE, "{", "[")) {
    case QUOTE:
      return (yield* reader.textUntil(QUOTE)).text;
    case "{": {
      const members: Record<string, unknown> = {};
      for (let key = yield* readKey(reader); key !== null; key = yield* readKey(reader)) {
        members[key] = yield* readValue(reader);
      }
      return members;
    }
    case "[": {
      const items: unknown[] = [];
      for (;;) {
        yield* reader.run(/[\s,]/);
        const next = yield* reader.peek();
        if (next === "" || (yield* reader.oneOf("]", "}")) !== null) return items;
        items.push(yield* readValue(reader));
      }
    }
    default: {
      const word = yield* reader.run(/[^,\]}]/);
      return asValue(word);
    }
  }
}

function writeValue(value: unknown): string {
  if (typeof value === "string") return QUOTE + value + QUOTE;
  if (Array.isArray(value)) return `[${value.map(writeValue).join(",")}]`;
  return typeof value === "object" && value !== null
    ? writeObject(value as Record<string, unknown>)
    : JSON.stringify(value);
}

function writeObject(value: Record<string, unknown>): string {
  return `{${Object.entries(value).map(([key, item]) => `${key}:${writeValue(item)}`).join(",")}}`;
}

/** Gemma 4: `call:name{key:value}` with a control token as quotation mark. */
export const gemma4: ToolFormat = {
  name: "gemma4",
  matches: (template) => template.includes("<|tool_call>call:"),
  markers: [OPEN, CLOSE, QUOTE],
  parse: (reader, output) =>
    readSections(reader, output, [OPEN], [CLOSE], () => readCall(reader, output)),
  write: (calls) =>
    calls.map((call: ToolCall) =>
      `${OPEN}call:${call.name}${writeObject(argumentsObject(call))}${CLOSE}`
    ).join(""),
  triggers: () => [OPEN],
  grammar(tools, rules, parallel) {
    const call = rules.add(
      "call",
      anyOf(
        tools.map((tool) =>
          `${quoted(`${OPEN}call:${tool.name}`)} ${valueRule(tool.parameters, tool, rules)} ${
            quoted(CLOSE)
          }`
        ),
      ),
    );
    return parallel ? `${call}+` : call;
  },
};

/** GBNF expression for values of a schema, as far as this notation differs from JSON. */
function valueRule(schema: unknown, tool: Tool, rules: GrammarRules): string {
  const { type, enum: values, properties, required = [], items } = schema as {
    type?: unknown;
    enum?: readonly unknown[];
    properties?: Record<string, unknown>;
    required?: readonly string[];
    items?: unknown;
  };
  if (values !== undefined) return anyOf(values.map((value) => quoted(writeValue(value))));
  if (type === "string") return `${quoted(QUOTE)} ${rules.until(QUOTE)} ${quoted(QUOTE)}`;
  if (type === "array" && items !== undefined) {
    const item = valueRule(items, tool, rules);
    return `"[" ( ${item} ( "," ${item} )* )? "]"`;
  }
  if (type !== "object" || properties === undefined) return rules.argument(tool, schema);
  const members = Object.entries(properties).map(([key, value]) => ({
    rule: `${quoted(`${key}:`)} ${valueRule(value, tool, rules)}`,
    required: required.includes(key),
  }));
  return `"{" ${membersRule(members)} "}"`;
}
