import { anyOf, quoted } from "./shared/gbnf.ts";
import type { Reader, Reading, Sink } from "../stream/mod.ts";
import { argumentsText, type ToolFormat } from "./shared/format.ts";
import { readSections } from "./shared/sections.ts";

const OPEN = "<|tools_prefix|>";
const CLOSE = "<|tools_suffix|>";

/** Reads objects whose one key is the tool's name: `{"name": {...}}`. */
function* readCalls(reader: Reader, sink: Sink): Reading<boolean> {
  for (let calls = 0;; calls++) {
    yield* reader.run(/[\s,[\]]/);
    if (!(yield* reader.literal("{"))) return calls > 0;
    yield* reader.space();
    const name = yield* reader.jsonValue();
    yield* reader.run(/[\s:]/);
    if (typeof name?.value !== "string") return calls > 0;
    sink.toolCall(name.value);
    yield* reader.json((text) => sink.toolArguments(text));
    yield* reader.run(/[\s}]/);
  }
}

/** Apertus: a list of objects, each with the tool's name as its key, between two tags. */
export const apertus: ToolFormat = {
  name: "apertus",
  matches: (template) => template.includes(OPEN),
  markers: [OPEN, CLOSE],
  parse: (reader, sink) =>
    readSections(reader, sink, [OPEN], [CLOSE], () => readCalls(reader, sink)),
  write: (calls) =>
    `${OPEN}[${
      calls.map((call) => `{${JSON.stringify(call.name)}: ${argumentsText(call)}}`).join(", ")
    }]${CLOSE}`,
  triggers: () => [OPEN],
  grammar(tools, rules, more) {
    const call = rules.add(
      "call",
      anyOf(
        tools.map(({ name, parameters }) =>
          `${quoted(`{${JSON.stringify(name)}: `)} ${rules.argument(parameters)} "}"`
        ),
      ),
    );
    const calls = more ? `${call} ( ", " ${call} )*` : call;
    return `${quoted(`${OPEN}[`)} ${calls} ${quoted(`]${CLOSE}`)}`;
  },
};
