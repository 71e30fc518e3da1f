import { anyOf, quoted } from "./shared/gbnf.ts";
import type { Reader, Reading, Sink } from "../stream/mod.ts";
import { argumentsText, type ParseContext, type ToolFormat } from "./shared/format.ts";

const BEGIN = "<|begin|>";
const THINK = "<|think|>";
const CONTENT = "<|content|>";
const CALLS = "<|tool_calls|>";
const CALL = "<|tool_call:begin|>";
const NAME = "<|tool_call:name|>";
const ARGUMENTS = "<|tool_call:args|>";
const CALL_END = "<|tool_call:end|>";
const ENDS = ["<|end|>", "<|calls|>", "<|flush|>"];

function* parse(reader: Reader, sink: Sink, context: ParseContext): Reading<void> {
  if (context.generationPrompt.trimEnd().endsWith(THINK)) {
    yield* reader.until(ENDS, (text) => sink.reasoning(text));
  }
  let emit: (text: string) => void = (text) => sink.text(text);
  for (;;) {
    const stop = yield* reader.until([BEGIN, THINK, CONTENT, CALLS, CALL, ...ENDS], emit);
    if (stop === null) return;
    // A role stands between the beginning of a message and that of its content.
    if (stop === BEGIN) emit = () => {};
    else if (stop === THINK) emit = (text) => sink.reasoning(text);
    else emit = (text) => sink.text(text);
    if (stop === CALL) yield* readCall(reader, sink);
  }
}

function* readCall(reader: Reader, sink: Sink): Reading<void> {
  const id = (yield* reader.textUntil(NAME)).text.trim();
  sink.toolCall((yield* reader.textUntil(ARGUMENTS)).text.trim(), id === "" ? undefined : id);
  yield* reader.until([CALL_END], (text) => sink.toolArguments(text));
}

/** Solar Open: messages of one kind each, calls with an id, a name and arguments. */
export const solar: ToolFormat = {
  name: "solar",
  matches: (template) => template.includes(CALL),
  markers: [BEGIN, THINK, CONTENT, CALLS, CALL, NAME, ARGUMENTS, CALL_END, ...ENDS],
  thought: { open: THINK, close: "<|end|>" },
  framesAnswer: true,
  parse,
  write: (calls) =>
    CALLS + calls.map((call) =>
      CALL + call.id + NAME + call.name + ARGUMENTS + argumentsText(call) + CALL_END
    ).join("") + "<|calls|>",
  triggers: () => [CALLS],
  preamble: (rules) =>
    `( ${quoted(THINK)} ${rules.until("<|end|>")} ${quoted(`<|end|>${BEGIN}assistant`)} )?`,
  frame: (content) => `${quoted(CONTENT)} ${content}`,
  grammar(tools, rules, more) {
    const call = rules.add(
      "call",
      anyOf(
        tools.map(({ name, parameters }) =>
          `${quoted(CALL)} [a-zA-Z0-9_-]+ ${quoted(NAME + name + ARGUMENTS)} ${
            rules.argument(parameters)
          } ${quoted(CALL_END)}`
        ),
      ),
    );
    return `${quoted(CALLS)} ${more ? `${call}+` : call} "<|calls|>"`;
  },
};
