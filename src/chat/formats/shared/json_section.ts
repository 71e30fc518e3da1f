import type { Tool, ToolCall } from "../../conversation/mod.ts";
import { anyOf, type GrammarRules, quoted } from "./gbnf.ts";
import { readCallObject, type Reader, type Reading, type Sink } from "../../stream/mod.ts";
import { argumentsText, type ToolFormat } from "./format.ts";
import { readSections } from "./sections.ts";

/** Calls as JSON objects between two tags. */
export interface JsonSections {
  readonly name: string;
  readonly matches: (template: string) => boolean;
  /** The tags with the white space the model writes inside them; `close` may be "". */
  readonly open: string;
  readonly close: string;
  /** A pair of tags for each call, or one around a list, or one around a call on every line. */
  readonly shape: "each" | "list" | "lines";
  /** What stands between two calls. */
  readonly between: string;
  /** The object's keys. */
  readonly keys?: { readonly name: string; readonly arguments: string };
  /** Control tokens besides the tags that are no text. */
  readonly noise?: readonly string[];
}

/** The format of models that write calls as JSON objects between two tags. */
export function jsonSections(options: JsonSections): ToolFormat {
  const { name, matches, open, close, shape, between, noise = [] } = options;
  const { name: nameKey, arguments: argumentsKey } = options.keys ??
    { name: "name", arguments: "arguments" };
  const openTag = open.trim();
  const closes = [close.trim(), ...noise].filter((tag) => tag !== "");
  const [before, after] = shape === "list" ? [`${open}[`, `]${close}`] : [open, close];

  const write = (call: ToolCall) =>
    `{"${nameKey}": ${JSON.stringify(call.name)}, "${argumentsKey}": ${argumentsText(call)}}`;
  const rule = (tool: Tool, rules: GrammarRules) =>
    `${quoted(`{"${nameKey}": ${JSON.stringify(tool.name)}, "${argumentsKey}": `)} ` +
    `${rules.argument(tool.parameters)} "}"`;

  return {
    name,
    matches,
    markers: [openTag, ...closes],
    parse: (reader, sink) =>
      readSections(reader, sink, [openTag], closes, () => readCalls(reader, sink)),
    write: (calls) =>
      shape === "each"
        ? calls.map((call) => open + write(call) + close).join(between)
        : before + calls.map(write).join(between) + after,
    triggers: () => [openTag],
    grammar(tools, rules, more) {
      const call = rules.add("call", anyOf(tools.map((tool) => rule(tool, rules))));
      const space = "[ \\t\\r\\n]*";
      const [first, last] = [quoted(openTag), quoted(close)];
      if (shape === "each") {
        const block = rules.add("block", `${first} ${space} ${call} ${last}`);
        const gap = between.trim() === "" ? space : quoted(between);
        return more ? `${block} ( ${gap} ${block} )*` : block;
      }
      const separator = between.trim() === "" ? space : `${quoted(between.trim())} ${space}`;
      const list = more ? `${call} ( ${separator} ${call} )*` : call;
      const inner = shape === "list" ? `"[" ${space} ${list} ${space} "]"` : list;
      return `${first} ${space} ${inner} ${last}`;
    },
  };
}

/** Reads call objects that stand alone, in a list or one after the other. True if there was one. */
export function* readCalls(
  reader: Reader,
  sink: Sink,
  accept: (name: string) => boolean = () => true,
): Reading<boolean> {
  for (let calls = 0;; calls++) {
    yield* reader.run(/[\s,;[\]]/);
    if ((yield* reader.peek()) !== "{") return calls > 0;
    if (!(yield* readCallObject(reader, sink, accept))) return calls > 0;
  }
}
