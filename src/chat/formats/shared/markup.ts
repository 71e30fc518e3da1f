import { argumentsObject, type Tool, type ToolCall } from "../../conversation/mod.ts";
import { anyOf, type GrammarRules, quoted } from "./gbnf.ts";
import type { Reader, Reading, Sink } from "../../stream/mod.ts";
import type { ParseContext, ToolFormat } from "./format.ts";
import { ArgumentsWriter, kindOf, readValue, type ValueKind } from "./arguments.ts";
import { readSections } from "./sections.ts";

/** Calls written as tags: one around the call, one around each argument. */
export interface Markup {
  /** Around all calls; both are "" where nothing is. */
  readonly open: string;
  readonly close: string;
  /** What comes before a call's name and after it; without an end the name is one word. */
  readonly call: string;
  readonly callNameEnd: string;
  /** What the model writes between the name and the first argument, and a GBNF expression for it. */
  readonly afterName?: { readonly text: (index: number) => string; readonly rule: string };
  readonly callClose: string;
  /** What comes before an argument's name, after it, and (with attributes before it) its value. */
  readonly argument: string;
  readonly argumentNameEnd: string;
  readonly valueOpen: string;
  readonly argumentClose: string;
  /** A newline on either side of a value is no part of it. */
  readonly lines: boolean;
  /** Values may stand in `<![CDATA[...]]>`. */
  readonly characterData?: boolean;
  /** Attributes between an argument's name and its value, by the JSON type of the value. */
  readonly attributes?: (type: string) => string;
  /** White space the model writes between tags. */
  readonly space: string;
}

interface MarkupOptions extends Markup {
  readonly name: string;
  readonly matches: (template: string) => boolean;
}

/** The format of models that write calls as tags. */
export function markupFormat(options: MarkupOptions): ToolFormat {
  const { name, matches, open, close, call, callClose } = options;
  const opens = open === "" ? [call] : [open];
  const closes = [close, callClose].filter((tag) => tag !== "");
  return {
    name,
    matches,
    markers: [open, close, call, callClose, options.argument, options.argumentClose]
      .concat(options.valueOpen).filter((tag) => tag !== ""),
    parse: (reader, sink, context) =>
      readSections(
        reader,
        sink,
        opens,
        closes,
        (opened) => readMarkupCalls(reader, sink, options, context, opened === call),
      ),
    write: (calls) => writeCalls(options, calls),
    triggers: () => opens,
    grammar: (tools, rules, more) => markupGrammar(options, tools, rules, more),
  };
}

/** Reads calls up to the closing tag; `begun` tells that the first call's tag has been read. */
export function* readMarkupCalls(
  reader: Reader,
  sink: Sink,
  markup: Markup,
  context: Pick<ParseContext, "tools">,
  begun = false,
): Reading<boolean> {
  let calls = 0;
  let inCall = begun;
  for (;;) {
    yield* reader.space();
    if (!inCall && !(yield* reader.literal(markup.call))) break;
    inCall = false;
    const name = markup.callNameEnd === ""
      ? yield* reader.run(/[^\s<]/)
      : (yield* reader.textUntil(markup.callNameEnd)).text;
    if (name.trim() === "") break;
    sink.toolCall(toolName(name));
    calls++;
    yield* readArguments(reader, sink, markup, context, toolName(name));
  }
  if (markup.close !== "") yield* reader.literal(markup.close);
  return calls > 0;
}

/** A name without what some models write after it: quotation marks and attributes. */
function toolName(text: string): string {
  return text.trim().replace(/^"|"$/g, "");
}

function* readArguments(
  reader: Reader,
  sink: Sink,
  markup: Markup,
  context: Pick<ParseContext, "tools">,
  name: string,
): Reading<void> {
  const tool = context.tools.find((candidate) => candidate.name === name);
  const writer = new ArgumentsWriter(sink);
  for (;;) {
    // What is neither an argument nor the end of the call (an index, a stray word) is skipped.
    const stop = yield* reader.until([markup.argument, markup.callClose], () => {});
    if (stop !== markup.argument) break;
    const key = (yield* reader.textUntil(markup.argumentNameEnd)).text.trim();
    const attributes = markup.valueOpen === ""
      ? ""
      : (yield* reader.textUntil(markup.valueOpen)).text;
    writer.key(key);
    const kind = kindOfAttributes(attributes) ?? kindOf(tool, key);
    const wrapped = markup.characterData === true && (yield* reader.literal("<![CDATA["));
    const end = wrapped ? "]]>" : markup.argumentClose;
    yield* readValue(reader, writer, end, kind, markup.lines);
    if (wrapped) yield* reader.until([markup.argumentClose], () => {});
  }
  writer.end();
}

function kindOfAttributes(attributes: string): ValueKind | null {
  if (/string="true"|type="string"/.test(attributes)) return "text";
  return /string="false"|type="/.test(attributes) ? "json" : null;
}

function writeCalls(markup: Markup, calls: readonly ToolCall[]): string {
  const { space, lines } = markup;
  const edge = lines ? "\n" : "";
  const written = calls.map((call, index) => {
    const members = Object.entries(argumentsObject(call)).map(([key, value]) => {
      const text = typeof value === "string";
      return markup.argument + key + markup.argumentNameEnd +
        (markup.attributes?.(typeOf(value)) ?? "") +
        markup.valueOpen + edge + (text ? value : JSON.stringify(value)) + edge +
        markup.argumentClose + space;
    });
    return markup.call + call.name + markup.callNameEnd + (markup.afterName?.text(index) ?? "") +
      space +
      members.join("") +
      markup.callClose;
  });
  if (markup.open === "") return written.join(space);
  return markup.open + space + written.join(space) + space + markup.close;
}

function markupGrammar(
  markup: Markup,
  tools: readonly Tool[],
  rules: GrammarRules,
  more: boolean,
): string {
  const space = "[ \\t\\r\\n]*";
  const call = rules.add("call", anyOf(tools.map((tool) => callRule(markup, tool, rules))));
  const calls = more ? `${call} ( ${space} ${call} )*` : call;
  if (markup.open === "") return calls;
  return `${quoted(markup.open)} ${space} ${calls} ${space} ${quoted(markup.close)}`;
}

function callRule(markup: Markup, tool: Tool, rules: GrammarRules): string {
  const { properties = {}, required = [] } = tool.parameters as {
    properties?: Record<string, unknown>;
    required?: readonly string[];
  };
  const space = "[ \\t\\r\\n]*";
  const edge = markup.lines ? '"\\n"' : "";
  const members = Object.entries(properties).map(([key, schema]) => {
    const text = kindOf(tool, key) === "text";
    const attributes = markup.attributes?.(text ? "string" : schemaType(schema)) ?? "";
    const head = markup.argument + key + markup.argumentNameEnd + attributes;
    const value = text && !hasEnum(schema)
      ? rules.until(`${markup.lines ? "\n" : ""}${markup.argumentClose}`)
      : text
      ? anyOf((schema as { enum: string[] }).enum.map(quoted))
      : rules.argument(schema);
    const opened = markup.valueOpen === "" ? "" : `${space} ${quoted(markup.valueOpen)}`;
    const member = `${quoted(head)} ${opened} ${edge} ${value} ${edge} ${
      quoted(markup.argumentClose)
    } ${space}`;
    return required.includes(key) ? member : `( ${member} )?`;
  });
  const head = quoted(markup.call + tool.name + markup.callNameEnd);
  return `${head} ${markup.afterName?.rule ?? ""} ${space} ${members.join(" ")} ` +
    quoted(markup.callClose);
}

/** The JSON type of a value. */
function typeOf(value: unknown): string {
  if (Array.isArray(value)) return "array";
  return value === null ? "null" : typeof value;
}

/** The JSON type that a schema speaks of; integers are numbers. */
function schemaType(schema: unknown): string {
  const type = (schema as { type?: unknown } | null)?.type;
  return typeof type === "string" && type !== "integer" ? type : "number";
}

function hasEnum(schema: unknown): boolean {
  return typeof schema === "object" && schema !== null && "enum" in schema;
}
