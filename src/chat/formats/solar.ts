import { anyOf, quoted } from "./shared/gbnf.ts";
import type { EventBuffer, IncrementalParser, Reader } from "../stream/mod.ts";
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

function* parse(
  reader: Reader,
  output: EventBuffer,
  context: ParseContext,
): IncrementalParser<void> {
  if (context.generationPrompt.trimEnd().endsWith(THINK)) {
    yield* reader.until(ENDS, (text) => output.reasoning(text));
  }
  let emit: (text: string) => void = (text) => output.text(text);
  for (;;) {
    const stop = yield* reader.until([BEGIN, THINK, CONTENT, CALLS, CALL, ...ENDS], emit);
    if (stop === null) return;
    // The role is between the tags of a message's start and its content.
    if (stop === BEGIN) emit = () => {};
    else if (stop === THINK) emit = (text) => output.reasoning(text);
    else emit = (text) => output.text(text);
    if (stop === CALL) yield* readCall(reader, output);
  }
}

function* readCall(reader: Reader, output: EventBuffer): IncrementalParser<void> {
  output.startCall();
  const id = (yield* reader.textUntil(NAME)).text.trim();
  const { text: name } = yield* reader.textUntil(ARGUMENTS);
  if (reader.isCut) return;
  output.toolCall(name.trim(), id === "" ? undefined : id);
  yield* reader.until([CALL_END], (text) => output.toolArguments(text));
}

/** Solar Open: messages of one kind each, calls with an id, a name and arguments. */
export const solar: ToolFormat = {
  name: "solar",
  matches: (template) => template.includes(CALL),
  markers: [BEGIN, THINK, CONTENT, CALLS, CALL, NAME, ARGUMENTS, CALL_END, ...ENDS],
  reasoningFrame: { open: THINK, close: "<|end|>" },
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
  grammar(tools, rules, parallel) {
    const call = rules.add(
      "call",
      anyOf(
        tools.map((tool) =>
          `${quoted(CALL)} [a-zA-Z0-9_-]+ ${quoted(NAME + tool.name + ARGUMENTS)} ${
            rules.arguments(tool)
          } ${quoted(CALL_END)}`
        ),
      ),
    );
    return `${quoted(CALLS)} ${parallel ? `${call}+` : call} "<|calls|>"`;
  },
};
