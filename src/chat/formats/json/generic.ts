import type { Tool } from "../../conversation/mod.ts";
import {
  type EventBuffer,
  type IncrementalParser,
  type Reader,
  startsCallObject,
} from "../../stream/mod.ts";
import { isOffered, type ParseContext, type ToolFormat } from "../shared/format.ts";
import { jsonObjects } from "../shared/json_objects.ts";
import { readCalls } from "../shared/json_section.ts";

const OPEN = "<tool_call>";
const CLOSE = "</tool_call>";
const FENCE = "```";

/**
 * Parses calls in all places where a model without tool training may write them: at the start, in a
 * code block, in the tags of other models. Only offered tools can be called, so that other JSON
 * stays text.
 */
function* parse(
  reader: Reader,
  output: EventBuffer,
  context: ParseContext,
): IncrementalParser<void> {
  yield* readOrText(reader, output, context, "");
  for (;;) {
    const stop = yield* reader.until(
      [`${FENCE}json`, OPEN, CLOSE],
      (text) => output.text(text),
    );
    if (stop === null) return;
    if (stop === CLOSE) continue;
    const called = yield* readOrText(reader, output, context, stop === OPEN ? "" : stop);
    if (called && stop !== OPEN) {
      yield* reader.space();
      yield* reader.literal(FENCE);
    }
  }
}

/** Parses calls if they come next. Otherwise the input becomes text after `opening`. */
function* readOrText(
  reader: Reader,
  output: EventBuffer,
  context: ParseContext,
  opening: string,
): IncrementalParser<boolean> {
  reader.startRecording();
  yield* reader.space();
  const next = yield* reader.peek();
  const called = (next === "{" || next === "[") &&
    (yield* readCalls(reader, output, (name) => isOffered(context, name)));
  const recording = reader.stopRecording();
  const names = context.tools.map(({ name }) => name);
  if (called || (reader.isCut && startsCallObject(recording, names))) return called;
  output.text(opening + recording);
  return false;
}

/** For models without tool training: JSON objects as described in the prompt. */
export const generic: ToolFormat = {
  name: "generic",
  matches: () => true,
  markers: [],
  parse,
  ...jsonObjects("arguments", "\n"),
};

/** Description of tools for the system message, for templates without tools. */
export function describeTools(tools: readonly Tool[], format: ToolFormat): string {
  const example = format.write([
    { id: "call00001", name: "function_name", arguments: '{"argument_name": "value"}' },
  ]);
  const described = tools.map(({ name, description = "", parameters }) =>
    JSON.stringify({ name, description, parameters })
  );
  return "# Tools\n\nYou can call these functions, each described by its name and a JSON Schema of " +
    `its arguments:\n\n${
      described.join("\n")
    }\n\nTo call a function, answer with nothing but the ` +
    `call, written like this:\n\n${example}\n\nYou will be given the result. Answer in plain text ` +
    "when no function is needed.";
}
