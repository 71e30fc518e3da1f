import { anyOf, quoted } from "./shared/gbnf.ts";
import type { Reader, Reading, Sink } from "../stream/mod.ts";
import { argumentsText, type ToolFormat } from "./shared/format.ts";
import { readSections } from "./shared/sections.ts";

const OPEN = "<|tool_calls_section_begin|>";
const CLOSE = "<|tool_calls_section_end|>";
const CALL = "<|tool_call_begin|>";
const ARGUMENTS = "<|tool_call_argument_begin|>";
const CALL_END = "<|tool_call_end|>";

function* readCalls(reader: Reader, sink: Sink): Reading<boolean> {
  for (let calls = 0;; calls++) {
    yield* reader.space();
    if (!(yield* reader.literal(CALL))) {
      yield* reader.literal(CLOSE);
      return calls > 0;
    }
    const id = (yield* reader.textUntil(ARGUMENTS)).text.trim();
    sink.toolCall(id.replace(/^functions\./, "").replace(/:\d+$/, ""), id);
    yield* reader.space();
    yield* reader.json((text) => sink.toolArguments(text));
    yield* reader.until([CALL_END], () => {});
  }
}

/** Kimi K2: calls named `functions.<name>:<index>`, which is also their id. */
export const kimiK2: ToolFormat = {
  name: "kimi-k2",
  matches: (template) => template.includes(OPEN),
  markers: [OPEN, CLOSE, CALL, ARGUMENTS, CALL_END],
  parse: (reader, sink) =>
    readSections(reader, sink, [OPEN], [CLOSE, CALL_END], () => readCalls(reader, sink)),
  write: (calls) =>
    OPEN + calls.map((call, index) =>
      `${CALL}functions.${call.name}:${index}${ARGUMENTS}${argumentsText(call)}${CALL_END}`
    ).join("") + CLOSE,
  triggers: () => [OPEN],
  grammar(tools, rules, more) {
    const call = rules.add(
      "call",
      anyOf(
        tools.map((tool) =>
          `${quoted(`${CALL}functions.${tool.name}:`)} [0-9]+ ${quoted(ARGUMENTS)} ${
            rules.argument(tool.parameters)
          } ${quoted(CALL_END)}`
        ),
      ),
    );
    return `${quoted(OPEN)} ${more ? `${call}+` : call} ${quoted(CLOSE)}`;
  },
};
