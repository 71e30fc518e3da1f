import { argumentsObject, type Tool, type ToolCall } from "../../conversation/mod.ts";
import { anyOf, type GrammarRules, quoted } from "../shared/gbnf.ts";
import type { EventBuffer, IncrementalParser, Reader } from "../../stream/mod.ts";
import type { ParseContext, ToolFormat } from "../shared/format.ts";
import {
  ArgumentsWriter,
  asValue,
  kindOf,
  kindOfSchemas,
  type ValueKind,
} from "../shared/arguments.ts";
import { formsOf, resolved, Visits } from "../shared/arguments_schema.ts";
import { readSections } from "../shared/sections.ts";

/** Prefix of every tag. */
const NS = "]<]minimax[>[";
const OPEN = `${NS}<tool_call>`;
const CLOSE = `${NS}</tool_call>`;
const INVOKE = `${NS}<invoke name="`;
const INVOKE_END = `${NS}</invoke>`;

function* readCalls(
  reader: Reader,
  output: EventBuffer,
  context: ParseContext,
): IncrementalParser<boolean> {
  for (let calls = 0;; calls++) {
    yield* reader.space();
    if (!(yield* reader.literal(INVOKE))) return calls > 0;
    output.startCall();
    const name = (yield* reader.textUntil('">')).text;
    if (reader.isCut) return calls > 0;
    const tool = context.tools.find((candidate) => candidate.name === name);
    output.toolCall(name);
    const writer = new ArgumentsWriter(output);
    for (;;) {
      yield* reader.space();
      if ((yield* reader.oneOf(INVOKE_END, `${NS}<`)) !== `${NS}<`) break;
      const key = (yield* reader.textUntil(">")).text;
      const value = yield* readElement(reader, key, kindOf(tool, key));
      if (reader.isCut) return true;
      writer.key(key);
      writer.json(JSON.stringify(value));
    }
    if (reader.isCut) return true;
    writer.end();
  }
}

/** Parses the content and closing tag of an element: text, members or items. */
function* readElement(reader: Reader, tag: string, kind: ValueKind): IncrementalParser<unknown> {
  const members: [string, unknown][] = [];
  let text = "";
  for (;;) {
    const stop = yield* reader.until([`${NS}</${tag}>`, `${NS}<`], (piece) => text += piece);
    if (stop !== `${NS}<`) break;
    const child = (yield* reader.textUntil(">")).text;
    members.push([child, yield* readElement(reader, child, "either")]);
  }
  if (members.length === 0) return kind === "text" ? text : asValue(text);
  if (members.every(([key]) => key === "item")) return members.map(([, item]) => item);
  return Object.fromEntries(members);
}

function writeElement(tag: string, value: unknown): string {
  const inner = Array.isArray(value)
    ? value.map((item) => writeElement("item", item)).join("")
    : typeof value === "object" && value !== null
    ? Object.entries(value).map(([key, item]) => writeElement(key, item)).join("")
    : typeof value === "string"
    ? value
    : JSON.stringify(value);
  return `${NS}<${tag}>${inner}${NS}</${tag}>`;
}

function write(call: ToolCall): string {
  const members = Object.entries(argumentsObject(call))
    .map(([key, value]) => writeElement(key, value));
  return `${INVOKE}${call.name}">${members.join("")}${INVOKE_END}\n`;
}

/** MiniMax M3: nested elements with a namespace prefix before every tag. */
export const minimaxM3: ToolFormat = {
  name: "minimax-m3",
  matches: (template) => template.includes(NS),
  markers: [NS, OPEN, CLOSE],
  parse: (reader, output, context) =>
    readSections(reader, output, [OPEN], [CLOSE], () => readCalls(reader, output, context)),
  write: (calls) => `${OPEN}\n${calls.map(write).join("")}${CLOSE}`,
  triggers: () => [OPEN],
  grammar(tools, rules, parallel) {
    const call = rules.add(
      "call",
      anyOf(
        tools.map((tool) =>
          `${quoted(`${INVOKE}${tool.name}">`)} ${
            membersOf(tool.parameters, tool, rules, new Visits())
          } ${quoted(INVOKE_END)}`
        ),
      ),
    );
    const calls = parallel ? `( ${call} [\\n]* )+` : `${call} [\\n]*`;
    return `${quoted(OPEN)} [\\n]* ${calls} ${quoted(CLOSE)}`;
  },
};

/** GBNF expression for the elements of an object's members. */
function membersOf(schema: unknown, tool: Tool, rules: GrammarRules, visits: Visits): string {
  const forms = formsOf(tool.parameters, schema).map(({ members, required, others }) => {
    const written = [...members].map(([key, schemas]) => {
      const element = elementRule(key, schemas, tool, rules, visits);
      return required.has(key) ? element : `( ${element} )?`;
    });
    if (others === null || written.length > 0) return written.join(" ") || '""';
    if (others.length > 0) rules.note(tool, "additionalProperties is not enforced in this format");
    return rules.until(INVOKE_END);
  });
  return anyOf(forms);
}

function elementRule(
  tag: string,
  schemas: readonly unknown[],
  tool: Tool,
  rules: GrammarRules,
  visits: Visits,
): string {
  const close = `${NS}</${tag}>`;
  return `${quoted(`${NS}<${tag}>`)} ${contentRule(close, schemas, tool, rules, visits)} ${
    quoted(close)
  }`;
}

function contentRule(
  close: string,
  schemas: readonly unknown[],
  tool: Tool,
  rules: GrammarRules,
  visits: Visits,
): string {
  const json = () => rules.argument(tool, schemas);
  if (schemas.length !== 1 || !visits.next()) return json();
  const schema = resolved(tool.parameters, schemas[0]);
  if (typeof schema !== "object" || schema === null) return json();
  const { type, enum: values, items } = schema as Record<string, unknown>;
  if (Array.isArray(values)) {
    return anyOf(
      values.map((value) => quoted(typeof value === "string" ? value : JSON.stringify(value))),
    );
  }
  if (kindOfSchemas(tool.parameters, schemas) === "text") return rules.text(tool, schemas, close);
  if (type === "array" && items !== undefined && !Array.isArray(items)) {
    return `( ${elementRule("item", [items], tool, rules, visits)} )*`;
  }
  return type === "object" && "properties" in schema
    ? membersOf(schema, tool, rules, visits)
    : json();
}
