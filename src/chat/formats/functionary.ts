import { anyOf, quoted } from "./shared/gbnf.ts";
import type { Reader, Reading, Sink } from "../stream/mod.ts";
import { argumentsText, isOffered, type ParseContext, type ToolFormat } from "./shared/format.ts";
import { readSections } from "./shared/sections.ts";

function* readFunction(reader: Reader, sink: Sink): Reading<boolean> {
  sink.toolCall((yield* reader.textUntil(">")).text.trim());
  yield* reader.space();
  yield* reader.json((text) => sink.toolArguments(text));
  return true;
}

/** Functionary 3.1: `<function=name>{...}</function>`. */
export const functionary31: ToolFormat = {
  name: "functionary-3.1",
  matches: (template) =>
    template.includes("<function=") && template.includes("<|start_header_id|>"),
  markers: ["<function=", "</function>"],
  parse: (reader, sink) =>
    readSections(
      reader,
      sink,
      ["<function="],
      ["</function>", "<|python_tag|>"],
      () => readFunction(reader, sink),
    ),
  write: (calls) =>
    calls.map((call) => `<function=${call.name}>${argumentsText(call)}</function>`).join(""),
  triggers: () => ["<function="],
  grammar(tools, rules, more) {
    const call = rules.add(
      "call",
      anyOf(
        tools.map(({ name, parameters }) =>
          `${quoted(`<function=${name}>`)} ${rules.argument(parameters)} "</function>"`
        ),
      ),
    );
    return more ? `${call} ( [\\n]? ${call} )*` : call;
  },
};

const RECIPIENT = ">>>";

function* parse32(reader: Reader, sink: Sink, context: ParseContext): Reading<void> {
  // The template itself writes the first mark; where it does not, the model may.
  yield* reader.literal(RECIPIENT);
  for (;;) {
    const { text: name, stop } = yield* reader.textUntil("\n", RECIPIENT);
    const recipient = name.trim();
    if (recipient !== "all" && isOffered(context, recipient)) {
      sink.toolCall(recipient);
      yield* reader.space();
      yield* reader.json((text) => sink.toolArguments(text));
      yield* reader.space();
    } else if (recipient !== "all") {
      sink.text(name + (stop === "\n" ? "\n" : ""));
    }
    if (stop === null) return;
    if (stop === RECIPIENT) continue;
    if ((yield* reader.until([RECIPIENT], (text) => sink.text(text))) === null) return;
  }
}

/** Functionary 3.2: parts of an answer go to recipients, `>>>all` or `>>>name`, a line each. */
export const functionary32: ToolFormat = {
  name: "functionary-3.2",
  matches: (template) => template.includes(">>>all"),
  markers: [],
  framesAnswer: true,
  parse: parse32,
  write: (calls) => calls.map((call) => `>>>${call.name}\n${argumentsText(call)}`).join(""),
  frame: (content) => `">>>"? "all\\n" ${content}`,
  triggers: (tools) => tools.map(({ name }) => `>>>${name}\n`),
  grammar(tools, rules, more) {
    const call = rules.add(
      "call",
      anyOf(
        tools.map(({ name, parameters }) => `${quoted(`${name}\n`)} ${rules.argument(parameters)}`),
      ),
    );
    return `">>>"? ${more ? `${call} ( ">>>" ${call} )*` : call}`;
  },
};
