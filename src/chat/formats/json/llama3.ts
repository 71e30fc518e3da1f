import {
  type EventBuffer,
  type IncrementalParser,
  type Reader,
  startsCallObject,
} from "../../stream/mod.ts";
import { isOffered, type ParseContext, type ToolFormat } from "../shared/format.ts";
import { jsonObjects } from "../shared/json_objects.ts";
import { readCalls } from "../shared/json_section.ts";
import { pythonGrammar, readPythonCalls, writePythonCalls } from "../shared/python_calls.ts";

const PYTHON = "<|python_tag|>";

/**
 * Parses an answer that is either calls or text. Calls are at the start, as JSON or a Python list.
 * Only offered tools can be called.
 */
function* parse(
  reader: Reader,
  output: EventBuffer,
  context: ParseContext,
): IncrementalParser<void> {
  const accept = (name: string) => isOffered(context, name);
  reader.startRecording();
  yield* reader.space();
  const tagged = yield* reader.literal(PYTHON);
  if (tagged) yield* reader.space();
  const next = yield* reader.peek();
  let called = false;
  if (next === "{") called = yield* readCalls(reader, output, accept);
  else if (next === "[" || tagged) called = yield* readPythonCalls(reader, output, accept);
  const recording = reader.stopRecording();
  if (!called && !(reader.isCut && startsCall(context, recording))) {
    output.text(recording.replace(PYTHON, ""));
  }
  yield* reader.rest((text) => output.text(text));
}

/** True if text may be the start of a call, so that it is not text if the answer was cut there. */
function startsCall({ tools }: ParseContext, recording: string): boolean {
  const text = recording.trimStart();
  const names = tools.map(({ name }) => name);
  return text.startsWith(PYTHON) || PYTHON.startsWith(text) || startsCallObject(text, names) ||
    names.some((name) => `[${name}(`.startsWith(text.replace(/\s/g, "")));
}

/** Llama 3.1 to 3.3: a JSON object with `parameters`. Calls of built-in tools follow a tag. */
export const llama3: ToolFormat = {
  name: "llama3-json",
  matches: (template) =>
    template.includes("<|start_header_id|>") && template.includes('"parameters": '),
  markers: [PYTHON],
  parse,
  ...jsonObjects("parameters", "; "),
};

/** Llama 4 and fine-tunes of 3.2: a list of Python calls. */
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
