import { quoted } from "./shared/gbnf.ts";
import type { ToolFormat } from "./shared/format.ts";
import { pythonGrammar, readPythonCalls, writePythonCalls } from "./shared/python_calls.ts";
import { readSections } from "./shared/sections.ts";

const OPEN = "<|tool_call_start|>";
const CLOSE = "<|tool_call_end|>";

/** LFM 2 and 2.5: Python calls between two tags. */
export const lfm2: ToolFormat = {
  name: "lfm2",
  matches: (template) => template.includes("List of tools: "),
  markers: [OPEN, CLOSE],
  parse: (reader, output) =>
    readSections(reader, output, [OPEN], [CLOSE], () => readPythonCalls(reader, output)),
  write: (calls) => OPEN + writePythonCalls(calls) + CLOSE,
  triggers: () => [OPEN],
  grammar: (tools, rules, parallel) =>
    `${quoted(OPEN)} ${pythonGrammar(tools, rules, parallel)} ${quoted(CLOSE)}`,
};
