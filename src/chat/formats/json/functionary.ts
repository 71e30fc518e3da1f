import { anyOf, quoted } from "../shared/gbnf.ts";
import type { EventBuffer, IncrementalParser, Reader } from "../../stream/mod.ts";
import { argumentsText, isOffered, type ParseContext, type ToolFormat } from "../shared/format.ts";
import { readSections } from "../shared/sections.ts";

function* readFunction(reader: Reader, output: EventBuffer): IncrementalParser<boolean> {
  const { text: name } = yield* reader.textUntil(">");
  if (reader.isCut) return false;
  output.toolCall(name.trim());
  yield* reader.space();
  yield* reader.json((text) => output.toolArguments(text));
  return true;
}

/** Functionary 3.1: `<function=name>{...}</function>`. */
export const functionary31: ToolFormat = {
  name: "functionary-3.1",
  matches: (template) =>
    template.includes("<function=") && template.includes("<|start_header_id|>"),
  markers: ["<function=", "</function>"],
  parse: (reader, output) =>
    readSections(
      reader,
      output,
      ["<function="],
      ["</function>", "<|python_tag|>"],
      () => readFunction(reader, output),
    ),
  write: (calls) =>
    calls.map((call) => `<function=${call.name}>${argumentsText(call)}</function>`).join(""),
  triggers: () => ["<function="],
  grammar(tools, rules, parallel) {
    const call = rules.add(
      "call",
      anyOf(
        tools.map((tool) =>
          `${quoted(`<function=${tool.name}>`)} ${rules.arguments(tool)} "</function>"`
        ),
      ),
    );
    return parallel ? `${call} ( [\\n]? ${call} )*` : call;
  },
};

const RECIPIENT = ">>>";

function* parse32(
  reader: Reader,
  output: EventBuffer,
  context: ParseContext,
): IncrementalParser<void> {
  // The template writes the first marker. If it does not, the model may write it.
  yield* reader.literal(RECIPIENT);
  for (;;) {
    const { text: name, stop } = yield* reader.textUntil("\n", RECIPIENT);
    const recipient = name.trim();
    if (stop === null && reader.isCut && isRecipientStart(context, recipient)) {
      output.startCall();
      return;
    }
    if (recipient !== "all" && isOffered(context, recipient)) {
      output.toolCall(recipient);
      yield* reader.space();
      yield* reader.json((text) => output.toolArguments(text));
      yield* reader.space();
    } else if (recipient !== "all") {
      output.text(name + (stop === "\n" ? "\n" : ""));
    }
    if (stop === null) return;
    if (stop === RECIPIENT) continue;
    if ((yield* reader.until([RECIPIENT], (text) => output.text(text))) === null) return;
  }
}

/** True if a recipient may start with a text. */
function isRecipientStart({ tools }: ParseContext, text: string): boolean {
  return ["all", ...tools.map(({ name }) => name)].some((name) => name.startsWith(text));
}

/**
 * Functionary 3.2: each part of an answer starts with a line for its recipient, `>>>all` or
 * `>>>name`.
 */
export const functionary32: ToolFormat = {
  name: "functionary-3.2",
  matches: (template) => template.includes(">>>all"),
  markers: [],
  framesAnswer: true,
  parse: parse32,
  write: (calls) => calls.map((call) => `>>>${call.name}\n${argumentsText(call)}`).join(""),
  frame: (content) => `">>>"? "all\\n" ${content}`,
  triggers: (tools) => tools.map(({ name }) => `>>>${name}\n`),
  grammar(tools, rules, parallel) {
    const call = rules.add(
      "call",
      anyOf(
        tools.map((tool) => `${quoted(`${tool.name}\n`)} ${rules.arguments(tool)}`),
      ),
    );
    return `">>>"? ${parallel ? `${call} ( ">>>" ${call} )*` : call}`;
  },
};
