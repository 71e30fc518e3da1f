import { argumentsObject, type Tool, type ToolCall } from "../../conversation/mod.ts";
import { anyOf, type GrammarRules, quoted } from "./gbnf.ts";
import type { EventBuffer, IncrementalParser, Reader } from "../../stream/mod.ts";
import type { ParseContext, ToolFormat } from "./format.ts";
import { type ArgumentsForm, argumentsForms } from "./arguments_schema.ts";
import {
  ArgumentsWriter,
  asValue,
  kindOf,
  kindOfSchemas,
  readValue,
  type ValueKind,
} from "./arguments.ts";
import { readSections } from "./sections.ts";

/** Tags of a format with one tag per call and one per argument. */
export interface Markup {
  /** Tags around all calls; "" if there are none. */
  readonly open: string;
  readonly close: string;
  /** Text before and after a call's name. Without an end, the name is one word. */
  readonly call: string;
  readonly callNameEnd: string;
  /** Text between the name and the first argument, and its GBNF expression. */
  readonly afterName?: { readonly text: (index: number) => string; readonly rule: string };
  readonly callClose: string;
  /** Text before and after an argument's name, and before its value (after attributes). */
  readonly argument: string;
  readonly argumentNameEnd: string;
  readonly valueOpen: string;
  readonly argumentClose: string;
  /** Newlines around a value are not part of it. */
  readonly lines: boolean;
  /** Values may be in `<![CDATA[...]]>`. */
  readonly characterData?: boolean;
  /** Attributes between an argument's name and value, by the JSON type of the value. */
  readonly attributes?: (type: string) => string;
  /** White space between tags. */
  readonly space: string;
}

interface MarkupOptions extends Markup {
  readonly name: string;
  readonly matches: (template: string) => boolean;
}

/** A format with calls as tags. */
export function markupFormat(options: MarkupOptions): ToolFormat {
  const { name, matches, open, close, call, callClose } = options;
  const opens = open === "" ? [call] : [open];
  const closes = [close, callClose].filter((tag) => tag !== "");
  return {
    name,
    matches,
    markers: [open, close, call, callClose, options.argument, options.argumentClose]
      .concat(options.valueOpen).filter((tag) => tag !== ""),
    parse: (reader, output, context) =>
      readSections(
        reader,
        output,
        opens,
        closes,
        (opened) => readMarkupCalls(reader, output, options, context, opened === call),
      ),
    write: (calls) => writeCalls(options, calls),
    triggers: () => opens,
    grammar: (tools, rules, parallel) => markupGrammar(options, tools, rules, parallel),
  };
}

/** Parses calls up to the closing tag. `isInCall` means that the first call's tag has been read. */
export function* readMarkupCalls(
  reader: Reader,
  output: EventBuffer,
  markup: Markup,
  context: Pick<ParseContext, "tools">,
  isInCall = false,
): IncrementalParser<boolean> {
  let calls = 0;
  let inCall = isInCall;
  for (;;) {
    yield* reader.space();
    if (!inCall && !(yield* reader.literal(markup.call))) break;
    inCall = false;
    output.startCall();
    const name = markup.callNameEnd === ""
      ? yield* reader.run(/[^\s<]/)
      : (yield* reader.textUntil(markup.callNameEnd)).text;
    if (name.trim() === "" || reader.isCut) break;
    output.toolCall(toolName(name));
    calls++;
    yield* readArguments(reader, output, markup, context, toolName(name));
  }
  if (markup.close !== "") yield* reader.literal(markup.close);
  return calls > 0;
}

/** A name without quotation marks that some models write after it. */
function toolName(text: string): string {
  return text.trim().replace(/^"|"$/g, "");
}

function* readArguments(
  reader: Reader,
  output: EventBuffer,
  markup: Markup,
  context: Pick<ParseContext, "tools">,
  name: string,
): IncrementalParser<void> {
  const tool = context.tools.find((candidate) => candidate.name === name);
  const writer = new ArgumentsWriter(output);
  for (;;) {
    // Other text than arguments and the end of the call (an index, a stray word) is skipped.
    const stop = yield* reader.until([markup.argument, markup.callClose], () => {});
    if (stop === null && reader.isCut) return;
    if (stop !== markup.argument) break;
    const key = (yield* reader.textUntil(markup.argumentNameEnd)).text.trim();
    const attributes = markup.valueOpen === ""
      ? ""
      : (yield* reader.textUntil(markup.valueOpen)).text;
    if (reader.isCut) return;
    writer.key(key);
    const kind = kindOfAttributes(attributes) ?? kindOf(tool, key);
    const wrapped = markup.characterData === true && (yield* reader.literal("<![CDATA["));
    const end = wrapped ? "]]>" : markup.argumentClose;
    yield* readValue(reader, writer, end, kind, markup.lines);
    if (reader.isCut) return;
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
  parallel: boolean,
): string {
  const call = rules.add("call", anyOf(tools.map((tool) => callRule(markup, tool, rules))));
  const calls = parallel ? `${call} ( ${SPACE} ${call} )*` : call;
  if (markup.open === "") return calls;
  return `${quoted(markup.open)} ${SPACE} ${calls} ${SPACE} ${quoted(markup.close)}`;
}

const SPACE = "[ \\t\\r\\n]*";

function callRule(markup: Markup, tool: Tool, rules: GrammarRules): string {
  const forms = argumentsForms(tool).map((form) => formRule(markup, tool, form, rules));
  const head = quoted(markup.call + tool.name + markup.callNameEnd);
  return `${head} ${markup.afterName?.rule ?? ""} ${SPACE} ${anyOf(forms)} ` +
    quoted(markup.callClose);
}

function formRule(
  markup: Markup,
  tool: Tool,
  { members, required, others }: ArgumentsForm,
  rules: GrammarRules,
): string {
  const written = [...members].map(([key, schemas]) => {
    const member = memberRule(markup, tool, quoted(key), schemas, rules);
    return required.has(key) ? member : `( ${member} )?`;
  });
  if (others === null) return written.join(" ") || '""';
  // A name of another argument has no characters of a tag.
  const name = '[^\\x00-\\x1F<>"]+';
  return [...written, `( ${memberRule(markup, tool, name, others, rules)} )*`].join(" ");
}

/** GBNF expression for an argument with its tags. */
function memberRule(
  markup: Markup,
  tool: Tool,
  name: string,
  schemas: readonly unknown[],
  rules: GrammarRules,
): string {
  const stop = `${markup.lines ? "\n" : ""}${markup.argumentClose}`;
  const kind = schemas.length === 0 ? "either" : kindOfSchemas(tool.parameters, schemas);
  const member = (types: readonly string[], value: string) => {
    const attributes = [...new Set(types.map((type) => markup.attributes?.(type) ?? ""))];
    const head = anyOf(attributes.map((text) => quoted(markup.argumentNameEnd + text)));
    const opened = markup.valueOpen === "" ? "" : `${SPACE} ${quoted(markup.valueOpen)}`;
    const edge = markup.lines ? '"\\n"' : "";
    return `${quoted(markup.argument)} ${name} ${head} ${opened} ${edge} ${value} ${edge} ` +
      `${quoted(markup.argumentClose)} ${SPACE}`;
  };
  if (kind === "text") return member(["string"], rules.text(tool, schemas, stop));
  const json = rules.argument(tool, schemas);
  const types = jsonTypes(schemas[0]);
  if (kind === "json") return member(types, json);
  // With attributes, the attribute says how the value is written.
  if (markup.attributes === undefined) return member(types, anyOf([json, ...bareTexts(schemas)]));
  return anyOf([member(["string"], rules.text(tool, schemas, stop)), member(types, json)]);
}

/** Listed texts without quotation marks, if they are not JSON. */
function bareTexts(schemas: readonly unknown[]): string[] {
  const [schema] = schemas;
  if (schemas.length !== 1 || !hasEnum(schema)) return [];
  return schema.enum.filter((value) =>
    typeof value === "string" && value !== "" && value.trim() === value && asValue(value) === value
  ).map((value) => quoted(value as string));
}

/** The JSON type of a value. */
function typeOf(value: unknown): string {
  if (Array.isArray(value)) return "array";
  return value === null ? "null" : typeof value;
}

/** The JSON types of values that are not text. */
function jsonTypes(schema: unknown): readonly string[] {
  const { type, nullable } = Object(schema) as { type?: unknown; nullable?: unknown };
  const all = ["number", "boolean", "object", "array", "null"];
  if (typeof type !== "string" || nullable === true) return all;
  return all.includes(type) ? [type] : ["number"];
}

function hasEnum(schema: unknown): schema is { enum: readonly unknown[] } {
  return typeof schema === "object" && schema !== null && "enum" in schema &&
    Array.isArray(schema.enum);
}
