import type { Reader, Reading, Sink } from "../stream/mod.ts";
import { isOffered, type ParseContext, type ToolFormat } from "./shared/format.ts";
import { jsonObjects } from "./shared/json_objects.ts";
import { readCalls } from "./shared/json_section.ts";
import { pythonGrammar, readPythonCalls, writePythonCalls } from "./shared/python_calls.ts";

const PYTHON = "<|python_tag|>";

/**
 * Reads an answer that is a call or is text: calls stand at its very beginning, as JSON or as a Python
 * list, and only tools that were offered can be called.
 */
function* parse(reader: Reader, sink: Sink, context: ParseContext): Reading<void> {
  const accept = (name: string) => isOffered(context, name);
  reader.startTape();
  yield* reader.space();
  const tagged = yield* reader.literal(PYTHON);
  if (tagged) yield* reader.space();
  const next = yield* reader.peek();
  let called = false;
  if (next === "{") called = yield* readCalls(reader, sink, accept);
  else if (next === "[" || tagged) called = yield* readPythonCalls(reader, sink, accept);
  const tape = reader.stopTape();
  if (!called) sink.text(tape.replace(PYTHON, ""));
  yield* reader.rest((text) => sink.text(text));
}

/** Llama 3.1 to 3.3: a JSON object with `parameters`, after a tag where a tool is built in. */
export const llama3: ToolFormat = {
  name: "llama3-json",
  matches: (template) =>
    template.includes("<|start_header_id|>") && template.includes('"parameters": '),
  markers: [PYTHON],
  parse,
  ...jsonObjects("parameters", "; "),
};

/** Llama 4 and fine-tunes of 3.2: a list of calls as Python writes them. */
export const pythonic: ToolFormat = {
  name: "pythonic",
  matches: (template) =>
    /<\|header_start\|>|<\|start_header_id\|>/.test(template) &&
    /\[func_name1?\(|\[\s*func_?name/.test(template),
  markers: [PYTHON, "<|python_start|>", "<|python_end|>"],
  parse,
  write: writePythonCalls,
  triggers: (tools) => tools.map(({ name }) => `[${name}(`),
  grammar: pythonGrammar,
};
