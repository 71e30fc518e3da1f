import { anyOf, quoted } from "./shared/gbnf.ts";
import type { Reader, Reading, Sink } from "../stream/mod.ts";
import { argumentsText, type ToolFormat } from "./shared/format.ts";
import { jsonSections, readCalls } from "./shared/json_section.ts";
import { readSections } from "./shared/sections.ts";

const OPEN = "[TOOL_CALLS]";
const ID = "[CALL_ID]";
const ARGUMENTS = "[ARGS]";

/** Reads what follows the marker: a JSON list in older models, a name and its arguments in newer. */
function* readAfterMarker(reader: Reader, sink: Sink): Reading<boolean> {
  yield* reader.space();
  if ((yield* reader.peek()) === "[") return yield* readCalls(reader, sink);
  const name = yield* reader.run(/[^\s[{]/);
  if (name === "") return false;
  let id: string | undefined;
  if ((yield* reader.oneOf(ID, ARGUMENTS)) === ID) {
    id = (yield* reader.textUntil(ARGUMENTS)).text.trim();
  }
  sink.toolCall(name, id);
  yield* reader.space();
  yield* reader.json((text) => sink.toolArguments(text));
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
  parse: (reader, sink) =>
    readSections(reader, sink, [OPEN], [], () => readAfterMarker(reader, sink)),
};

/** Mistral Small 3.2, Devstral, Magistral, Ministral 3: `[TOOL_CALLS]name[ARGS]{...}`. */
export const mistralNamed: ToolFormat = {
  ...mistral,
  name: "mistral-named",
  matches: (template) => template.includes(OPEN) && template.includes(ARGUMENTS),
  write: (calls) =>
    calls.map((call) => OPEN + call.name + ARGUMENTS + argumentsText(call)).join(""),
  grammar(tools, rules, more) {
    const call = rules.add(
      "call",
      anyOf(
        tools.map(({ name, parameters }) =>
          `${quoted(OPEN + name)} ( ${quoted(ID)} [a-zA-Z0-9]+ )? ${quoted(ARGUMENTS)} ${
            rules.argument(parameters)
          }`
        ),
      ),
    );
    return more ? `${call}+` : call;
  },
};
