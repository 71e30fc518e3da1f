import type { Tool, ToolCall } from "../../conversation/mod.ts";
import { anyOf, type GrammarRules, quoted } from "./gbnf.ts";
import {
  type EventBuffer,
  type IncrementalParser,
  readCallObject,
  type Reader,
} from "../../stream/mod.ts";
import { argumentsText, type ToolFormat } from "./format.ts";
import { readSections } from "./sections.ts";

/** Options of a format with calls as JSON objects between two tags. */
export interface JsonSections {
  readonly name: string;
  readonly matches: (template: string) => boolean;
  /** The tags, including white space inside them. `close` may be "". */
  readonly open: string;
  readonly close: string;
  /** A pair of tags per call, one pair around a list, or one pair around one call per line. */
  readonly shape: "each" | "list" | "lines";
  /** Text between two calls. */
  readonly between: string;
  /** Keys of the object. */
  readonly keys?: { readonly name: string; readonly arguments: string };
  /** Further control tokens that are not text. */
  readonly noise?: readonly string[];
}

/** A format with calls as JSON objects between two tags. */
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
    `${rules.arguments(tool)} "}"`;

  return {
    name,
    matches,
    markers: [openTag, ...closes],
    parse: (reader, output) =>
      readSections(reader, output, [openTag], closes, () => readCalls(reader, output)),
    write: (calls) =>
      shape === "each"
        ? calls.map((call) => open + write(call) + close).join(between)
        : before + calls.map(write).join(between) + after,
    triggers: () => [openTag],
    grammar(tools, rules, parallel) {
      const call = rules.add("call", anyOf(tools.map((tool) => rule(tool, rules))));
      const space = "[ \\t\\r\\n]*";
      const [first, last] = [quoted(openTag), quoted(close)];
      if (shape === "each") {
        const block = rules.add("block", `${first} ${space} ${call} ${last}`);
        const gap = between.trim() === "" ? space : quoted(between);
        return parallel ? `${block} ( ${gap} ${block} )*` : block;
      }
      const separator = between.trim() === "" ? space : `${quoted(between.trim())} ${space}`;
      const list = parallel ? `${call} ( ${separator} ${call} )*` : call;
      const inner = shape === "list" ? `"[" ${space} ${list} ${space} "]"` : list;
      return `${first} ${space} ${inner} ${last}`;
    },
  };
}

/** Parses a call object, a list or a sequence of them. True if there was at least one. */
export function* readCalls(
  reader: Reader,
  output: EventBuffer,
  accept: (name: string) => boolean = () => true,
): IncrementalParser<boolean> {
  for (let calls = 0;; calls++) {
    yield* reader.run(/[\s,;[\]]/);
    if ((yield* reader.peek()) !== "{") return calls > 0;
    if (!(yield* readCallObject(reader, output, accept))) return calls > 0;
  }
}
