import { readCallObject } from "../stream/call_object.ts";
import type { Reader, Reading } from "../stream/reader.ts";
import type { Sink } from "../stream/sink.ts";
import type { ToolFormat } from "./format.ts";

const OPEN = "<tool_call>";
const CLOSE = "</tool_call>";

function* parse(reader: Reader, sink: Sink): Reading<void> {
  while ((yield* reader.until([OPEN], (text) => sink.text(text))) !== null) {
    reader.startTape();
    const isCall = yield* readCallObject(reader, sink);
    const read = reader.stopTape();
    if (!isCall) sink.text(read);
    yield* reader.until([CLOSE], isCall ? () => {} : (text) => sink.text(text));
  }
}

/**
 * Hermes 2 Pro and 3, Qwen 2.5 and 3, and many that followed: JSON between `<tool_call>` and
 * `</tool_call>`, one block a call.
 */
export const hermes: ToolFormat = {
  name: "hermes",
  matches: (template) => template.includes(OPEN),
  markers: [OPEN, CLOSE],
  parse,
};
