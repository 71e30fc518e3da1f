import { argumentsObject, type Tool, type ToolCall } from "../conversation/mod.ts";
import { anyOf, type GrammarRules, membersRule, quoted } from "./shared/gbnf.ts";
import type { EventBuffer, IncrementalParser, Reader } from "../stream/mod.ts";
import type { ToolFormat } from "./shared/format.ts";
import { ArgumentsWriter, asValue } from "./shared/arguments.ts";
import {
  type ArgumentsForm,
  argumentsForms,
  formsOf,
  resolved,
  Visits,
} from "./shared/arguments_schema.ts";
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
          `${quoted(`${OPEN}call:${tool.name}`)} ${argumentsRule(tool, rules)} ${quoted(CLOSE)}`
        ),
      ),
    );
    return parallel ? `${call}+` : call;
  },
};

/** GBNF expression for the arguments of a tool. */
function argumentsRule(tool: Tool, rules: GrammarRules): string {
  return anyOf(argumentsForms(tool).map((form) => objectRule(form, tool, rules, new Visits())));
}

function objectRule(
  { members, required, others }: ArgumentsForm,
  tool: Tool,
  rules: GrammarRules,
  visits: Visits,
): string {
  const written = [...members].map(([key, schemas]) => ({
    rule: `${quoted(`${key}:`)} ${rules.part(valueRule(schemas, tool, rules, visits))}`,
    required: required.has(key),
  }));
  if (others === null || written.length > 0) return `"{" ${membersRule(written)} "}"`;
  const other = `[a-zA-Z0-9_-]+ ":" ${valueRule(others, tool, rules, visits)}`;
  return `"{" ( ${other} ( "," ${other} )* )? "}"`;
}

/** GBNF expression for values of schemas, as far as this notation differs from JSON. */
function valueRule(
  schemas: readonly unknown[],
  tool: Tool,
  rules: GrammarRules,
  visits: Visits,
): string {
  const json = () => rules.argument(tool, schemas);
  if (schemas.length !== 1 || !visits.next()) return json();
  const schema = resolved(tool.parameters, schemas[0]);
  if (typeof schema !== "object" || schema === null) return json();
  const { type, enum: values, items, nullable } = schema as Record<string, unknown>;
  const orNull = nullable === true ? ' | "null"' : "";
  if ("const" in schema) return quoted(writeValue(schema.const));
  if (Array.isArray(values)) return anyOf(values.map((value) => quoted(writeValue(value))));
  const { anyOf: any, oneOf } = schema as Record<string, unknown>;
  const branches = [any, oneOf]
    .find(Array.isArray);
  if (branches !== undefined && type === undefined) {
    return anyOf(branches.map((branch: unknown) => valueRule([branch], tool, rules, visits)));
  }
  if (Array.isArray(type) && type.length > 1) {
    return anyOf(type.map((one) => valueRule([{ ...schema, type: one }], tool, rules, visits)));
  }
  const [only] = [type].flat();
  if (only === "string") {
    return `( ${quoted(QUOTE)} ${rules.text(tool, [schema], QUOTE)} ${quoted(QUOTE)}${orNull} )`;
  }
  if (only === "array" && items !== undefined && !Array.isArray(items)) {
    const item = rules.part(valueRule([items], tool, rules, visits));
    return `( "[" ( ${item} ( "," ${item} )* )? "]"${orNull} )`;
  }
  if (only !== "object" || !("properties" in schema)) return json();
  const object = rules.once(schema, () => {
    const forms = formsOf(tool.parameters, schema);
    return anyOf([...new Set(forms.map((form) => objectRule(form, tool, rules, visits)))]);
  });
  return `( ${object}${orNull} )`;
}
