import { anyOf, quoted } from "../shared/gbnf.ts";
import type { EventBuffer, IncrementalParser, Reader } from "../../stream/mod.ts";
import { argumentsText, type ToolFormat } from "../shared/format.ts";
import { jsonSections, readCalls } from "../shared/json_section.ts";
import { readSections } from "../shared/sections.ts";

const OPEN = "[TOOL_CALLS]";
const ID = "[CALL_ID]";
const ARGUMENTS = "[ARGS]";

/** Parses the text after the marker: a JSON list (older models), or a name and its arguments. */
function* readAfterMarker(reader: Reader, output: EventBuffer): IncrementalParser<boolean> {
  yield* reader.space();
  if ((yield* reader.peek()) === "[") return yield* readCalls(reader, output);
  const name = yield* reader.run(/[^\s[{]/);
  if (name === "") return false;
  let id: string | undefined;
  if ((yield* reader.oneOf(ID, ARGUMENTS)) === ID) {
    id = (yield* reader.textUntil(ARGUMENTS)).text.trim();
  }
  if (reader.isCut) return false;
  output.toolCall(name, id);
  yield* reader.space();
  yield* reader.json((text) => output.toolArguments(text));
  return true;
}

/** Mistral Nemo to Small 3.1: `[TOOL_CALLS]` and a JSON list. */
export const mistral: ToolFormat = {
  ...jsonSections({
    name: "mistral",
    matches: (template) => template.includes(OPEN),
    open: OPEN,
    close: "",
    shape: "list",
    between: ", ",
  }),
  markers: [OPEN, ID, ARGUMENTS],
  parse: (reader, output) =>
    readSections(reader, output, [OPEN], [], () => readAfterMarker(reader, output)),
};

/** Mistral Small 3.2, Devstral, Magistral, Ministral 3: `[TOOL_CALLS]name[ARGS]{...}`. */
export const mistralNamed: ToolFormat = {
  ...mistral,
  name: "mistral-named",
  matches: (template) => template.includes(OPEN) && template.includes(ARGUMENTS),
  write: (calls) =>
    calls.map((call) => OPEN + call.name + ARGUMENTS + argumentsText(call)).join(""),
  grammar(tools, rules, parallel) {
    const call = rules.add(
      "call",
      anyOf(
        tools.map((tool) =>
          `${quoted(OPEN + tool.name)} ( ${quoted(ID)} [a-zA-Z0-9]+ )? ${quoted(ARGUMENTS)} ${
            rules.arguments(tool)
          }`
        ),
      ),
    );
    return parallel ? `${call}+` : call;
  },
};
