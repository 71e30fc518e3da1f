import type { Reader, Reading } from "./reader.ts";
import type { Sink } from "./sink.ts";

const NAME_KEYS: ReadonlySet<string> = new Set(["name", "tool_name"]);
const ARGUMENT_KEYS: ReadonlySet<string> = new Set(["arguments", "parameters", "args", "input"]);
const ID_KEYS: ReadonlySet<string> = new Set(["id", "tool_call_id", "call_id"]);

/** What is known of a call while its object is being read. */
interface Call {
  name: string | null;
  id: string | undefined;
  /** Arguments that came before the name. */
  early: string | null;
  opened: boolean;
  hasArguments: boolean;
}

/**
 * Reads a tool call written as a JSON object, `{"name": ..., "arguments": {...}}` in any order of keys,
 * also wrapped as `{"type": "function", "function": {...}}`. Arguments flow to the sink as they come.
 *
 * False when there was no call: `accept` refused its name, or it is no such object. What was read is
 * then on the reader's tape, if one runs.
 */
export function* readCallObject(
  reader: Reader,
  sink: Sink,
  accept: (name: string) => boolean = () => true,
): Reading<boolean> {
  const call: Call = { name: null, id: undefined, early: null, opened: false, hasArguments: false };
  yield* readMembers(reader, sink, call, accept);
  if (call.name === null || !accept(call.name)) return false;
  open(sink, call);
  if (!call.hasArguments) sink.toolArguments("{}");
  return true;
}

/** Reads the members of an object into the call. False when the text is not an object. */
function* readMembers(
  reader: Reader,
  sink: Sink,
  call: Call,
  accept: (name: string) => boolean,
): Reading<boolean> {
  yield* reader.space();
  if (!(yield* reader.literal("{"))) return false;
  for (;;) {
    yield* reader.run(/[\s,]/);
    if ((yield* reader.peek()) !== '"') return yield* reader.literal("}");
    const key = yield* reader.jsonValue();
    yield* reader.space();
    if (key === null || !(yield* reader.literal(":"))) return false;
    yield* reader.space();
    const name = String(key.value);
    const next = yield* reader.peek();
    if (name === "function" && next === "{") {
      if (!(yield* readMembers(reader, sink, call, accept))) return false;
    } else if (NAME_KEYS.has(name) || (name === "function" && next === '"')) {
      const value = yield* reader.jsonValue();
      if (typeof value?.value !== "string" || !accept(value.value)) return false;
      call.name = value.value;
    } else if (ARGUMENT_KEYS.has(name)) {
      yield* readArguments(reader, sink, call);
    } else {
      const value = yield* reader.jsonValue();
      if (value === null) return false;
      if (ID_KEYS.has(name)) call.id = String(value.value);
    }
  }
}

function* readArguments(reader: Reader, sink: Sink, call: Call): Reading<void> {
  call.hasArguments = true;
  const encoded = (yield* reader.peek()) === '"';
  if (call.name !== null && !encoded) {
    open(sink, call);
    yield* reader.json((text) => sink.toolArguments(text));
    return;
  }
  const value = yield* reader.jsonValue();
  // Some models write the object as a string that holds its JSON.
  call.early = typeof value?.value === "string" ? value.value : value?.text ?? "";
  if (call.name !== null) open(sink, call);
}

function open(sink: Sink, call: Call): void {
  if (!call.opened) sink.toolCall(call.name!, call.id);
  call.opened = true;
  if (call.early !== null) sink.toolArguments(call.early);
  call.early = null;
}
