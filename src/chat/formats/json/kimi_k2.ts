import { anyOf, quoted } from "../shared/gbnf.ts";
import type { EventBuffer, IncrementalParser, Reader } from "../../stream/mod.ts";
import { argumentsText, type ToolFormat } from "../shared/format.ts";
import { readSections } from "../shared/sections.ts";

const OPEN = "<|tool_calls_section_begin|>";
const CLOSE = "<|tool_calls_section_end|>";
const CALL = "<|tool_call_begin|>";
const ARGUMENTS = "<|tool_call_argument_begin|>";
const CALL_END = "<|tool_call_end|>";

function* readCalls(reader: Reader, output: EventBuffer): IncrementalParser<boolean> {
  for (let calls = 0;; calls++) {
    yield* reader.space();
    if (!(yield* reader.literal(CALL))) {
      yield* reader.literal(CLOSE);
      return calls > 0;
    }
    output.startCall();
    const id = (yield* reader.textUntil(ARGUMENTS)).text.trim();
    if (reader.isCut) return calls > 0;
    output.toolCall(id.replace(/^functions\./, "").replace(/:\d+$/, ""), id);
    yield* reader.space();
    yield* reader.json((text) => output.toolArguments(text));
    yield* reader.until([CALL_END], () => {});
  }
}

/** Kimi K2: calls are named `functions.<name>:<index>`, which is also their id. */
export const kimiK2: ToolFormat = {
  name: "kimi-k2",
  matches: (template) => template.includes(OPEN),
  markers: [OPEN, CLOSE, CALL, ARGUMENTS, CALL_END],
  parse: (reader, output) =>
    readSections(reader, output, [OPEN], [CLOSE, CALL_END], () => readCalls(reader, output)),
  write: (calls) =>
    OPEN + calls.map((call, index) =>
      `${CALL}functions.${call.name}:${index}${ARGUMENTS}${argumentsText(call)}${CALL_END}`
    ).join("") + CLOSE,
  triggers: () => [OPEN],
  grammar(tools, rules, parallel) {
    const call = rules.add(
      "call",
      anyOf(
        tools.map((tool) =>
          `${quoted(`${CALL}functions.${tool.name}:`)} [0-9]+ ${quoted(ARGUMENTS)} ${
            rules.arguments(tool)
          } ${quoted(CALL_END)}`
        ),
      ),
    );
    return `${quoted(OPEN)} ${parallel ? `${call}+` : call} ${quoted(CLOSE)}`;
  },
};
