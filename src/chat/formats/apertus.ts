import { anyOf, quoted } from "./shared/gbnf.ts";
import type { EventBuffer, IncrementalParser, Reader } from "../stream/mod.ts";
import { argumentsText, type ToolFormat } from "./shared/format.ts";
import { readSections } from "./shared/sections.ts";

const OPEN = "<|tools_prefix|>";
const CLOSE = "<|tools_suffix|>";

/** Parses objects with the tool's name as their only key: `{"name": {...}}`. */
function* readCalls(reader: Reader, output: EventBuffer): IncrementalParser<boolean> {
  for (let calls = 0;; calls++) {
    yield* reader.run(/[\s,[\]]/);
    if (!(yield* reader.literal("{"))) return calls > 0;
    output.startCall();
    yield* reader.space();
    const name = yield* reader.jsonValue();
    yield* reader.run(/[\s:]/);
    if (typeof name?.value !== "string") return calls > 0;
    output.toolCall(name.value);
    yield* reader.json((text) => output.toolArguments(text));
    yield* reader.run(/[\s}]/);
  }
}

/** Apertus: a list of objects with the tool's name as key, between two tags. */
export const apertus: ToolFormat = {
  name: "apertus",
  matches: (template) => template.includes(OPEN),
  markers: [OPEN, CLOSE],
  parse: (reader, output) =>
    readSections(reader, output, [OPEN], [CLOSE], () => readCalls(reader, output)),
  write: (calls) =>
    `${OPEN}[${
      calls.map((call) => `{${JSON.stringify(call.name)}: ${argumentsText(call)}}`).join(", ")
    }]${CLOSE}`,
  triggers: () => [OPEN],
  grammar(tools, rules, parallel) {
    const call = rules.add(
      "call",
      anyOf(
        tools.map((tool) =>
          `${quoted(`{${JSON.stringify(tool.name)}: `)} ${rules.arguments(tool)} "}"`
        ),
      ),
    );
    const calls = parallel ? `${call} ( ", " ${call} )*` : call;
    return `${quoted(`${OPEN}[`)} ${calls} ${quoted(`]${CLOSE}`)}`;
  },
};
