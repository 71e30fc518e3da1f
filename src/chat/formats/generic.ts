import type { Tool } from "../conversation/mod.ts";
import type { Reader, Reading, Sink } from "../stream/mod.ts";
import { isOffered, type ParseContext, type ToolFormat } from "./shared/format.ts";
import { jsonObjects } from "./shared/json_objects.ts";
import { readCalls } from "./shared/json_section.ts";

const OPEN = "<tool_call>";
const CLOSE = "</tool_call>";
const FENCE = "```";

/**
 * Reads calls wherever a model may put them that was only told how: at the very beginning, in a code
 * block, in the tags that other models were trained on. Only tools that were offered can be called, so
 * that JSON about anything else stays text.
 */
function* parse(reader: Reader, sink: Sink, context: ParseContext): Reading<void> {
  yield* readOrText(reader, sink, context, "");
  for (;;) {
    const stop = yield* reader.until(
      [`${FENCE}json`, OPEN, CLOSE],
      (text) => sink.text(text),
    );
    if (stop === null) return;
    if (stop === CLOSE) continue;
    const called = yield* readOrText(reader, sink, context, stop === OPEN ? "" : stop);
    if (called && stop !== OPEN) {
      yield* reader.space();
      yield* reader.literal(FENCE);
    }
  }
}

/** Reads calls, if they come next; else what was looked at becomes text, after `opening`. */
function* readOrText(
  reader: Reader,
  sink: Sink,
  context: ParseContext,
  opening: string,
): Reading<boolean> {
  reader.startTape();
  yield* reader.space();
  const next = yield* reader.peek();
  const called = (next === "{" || next === "[") &&
    (yield* readCalls(reader, sink, (name) => isOffered(context, name)));
  const tape = reader.stopTape();
  if (!called) sink.text(opening + tape);
  return called;
}

/** For models that were never trained to call tools: JSON objects, as the prompt explains. */
export const generic: ToolFormat = {
  name: "generic",
  matches: () => true,
  markers: [],
  parse,
  ...jsonObjects("arguments", "\n"),
};

/** What the system message says of tools where the template says nothing. */
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
