import type { EventBuffer, IncrementalParser, Reader } from "../../stream/mod.ts";
import type { ParseContext, ToolFormat } from "../shared/format.ts";
import { jsonSections, readCalls } from "../shared/json_section.ts";

const THINK = "<|START_THINKING|>";
const THOUGHT = "<|END_THINKING|>";
const ACTION = "<|START_ACTION|>";
const FRAMES = [
  "<|START_RESPONSE|>",
  "<|END_RESPONSE|>",
  "<|START_TEXT|>",
  "<|END_TEXT|>",
  "<|END_ACTION|>",
];

const keys = { name: "tool_name", arguments: "parameters" };

const actions = jsonSections({
  name: "command-r7b",
  matches: (template) => template.includes(ACTION),
  open: ACTION,
  close: "<|END_ACTION|>",
  shape: "list",
  between: ",\n",
  keys,
});

function* parse(
  reader: Reader,
  output: EventBuffer,
  context: ParseContext,
): IncrementalParser<void> {
  let thinking = context.opensReasoning;
  for (;;) {
    if (thinking) yield* reader.until([THOUGHT], (text) => output.reasoning(text));
    const stop = yield* reader.until([THINK, ACTION, ...FRAMES], (text) => output.text(text));
    if (stop === null) return;
    thinking = stop === THINK;
    if (stop !== ACTION) continue;
    output.startCall();
    yield* readCalls(reader, output);
  }
}

/** Command R7B and A, Cohere 2 MoE: each part of an answer has its own tags. */
export const commandR7b: ToolFormat = {
  ...actions,
  markers: [THINK, THOUGHT, ACTION, ...FRAMES],
  framesAnswer: true,
  frame: (content) => `( "<|START_RESPONSE|>" | "<|START_TEXT|>" ) ${content}`,
  parse,
};

/** Command R and R+: `Action:` and a JSON list in a code block. */
export const commandR: ToolFormat = jsonSections({
  name: "command-r",
  matches: (template) => template.includes("Action:") && template.includes("directly-answer"),
  open: "Action:\n```json\n",
  close: "\n```",
  shape: "list",
  between: ",\n",
  keys,
});
