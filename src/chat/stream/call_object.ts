import type { IncrementalParser, Reader } from "./reader.ts";
import type { EventBuffer } from "./event_buffer.ts";

const NAME_KEYS: ReadonlySet<string> = new Set(["name", "tool_name"]);
const ARGUMENT_KEYS: ReadonlySet<string> = new Set(["arguments", "parameters", "args", "input"]);
const ID_KEYS: ReadonlySet<string> = new Set(["id", "tool_call_id", "call_id"]);

const CALL_KEYS: readonly string[] = [
  ...NAME_KEYS,
  ...ARGUMENT_KEYS,
  ...ID_KEYS,
  "type",
  "function",
];

/** State of a call while its object is parsed. */
interface Call {
  name: string | null;
  id: string | undefined;
  /** Arguments that came before the name. */
  pendingArguments: string | null;
  isOpened: boolean;
  hasArguments: boolean;
}

/**
 * Parses a tool call as a JSON object, `{"name": ..., "arguments": {...}}` with keys in any order,
 * also wrapped as `{"type": "function", "function": {...}}`. Arguments are streamed.
 *
 * False if there was no call: the object has another form, or `accept` refused its name. The
 * reader's recording then has the text.
 */
export function* readCallObject(
  reader: Reader,
  output: EventBuffer,
  accept: (name: string) => boolean = () => true,
): IncrementalParser<boolean> {
  const call: Call = {
    name: null,
    id: undefined,
    pendingArguments: null,
    isOpened: false,
    hasArguments: false,
  };
  output.startCall();
  yield* readMembers(reader, output, call, accept);
  if (call.name === null || !accept(call.name)) return false;
  open(output, call);
  if (!call.hasArguments && !reader.isCut) output.toolArguments("{}");
  return true;
}

/**
 * True if text may be the start of a call object of one of the tools, so that it is not text if the
 * answer was cut there.
 */
export function startsCallObject(text: string, names: readonly string[]): boolean {
  const body = text.replace(/^[\s[]+/, "");
  if (body === "") return true;
  const [, key, isKey, value] = /^\{\s*(?:"([^"]*)("?))?(?:\s*:\s*(?:"([^"]*))?)?/.exec(body) ?? [];
  if (key === undefined) return /^\{\s*$/.test(body);
  if (isKey === "") return CALL_KEYS.some((known) => known.startsWith(key));
  if (!CALL_KEYS.includes(key)) return false;
  if (!NAME_KEYS.has(key) || value === undefined) return true;
  return names.some((name) => name.startsWith(value));
}

/** Parses the members of an object. False if the text is not an object. */
function* readMembers(
  reader: Reader,
  output: EventBuffer,
  call: Call,
  accept: (name: string) => boolean,
): IncrementalParser<boolean> {
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
      if (!(yield* readMembers(reader, output, call, accept))) return false;
    } else if (NAME_KEYS.has(name) || (name === "function" && next === '"')) {
      const value = yield* reader.jsonValue();
      if (typeof value?.value !== "string" || !accept(value.value)) return false;
      call.name = value.value;
    } else if (ARGUMENT_KEYS.has(name)) {
      yield* readArguments(reader, output, call);
    } else {
      const value = yield* reader.jsonValue();
      if (value === null) return false;
      if (ID_KEYS.has(name)) call.id = String(value.value);
    }
  }
}

function* readArguments(reader: Reader, output: EventBuffer, call: Call): IncrementalParser<void> {
  call.hasArguments = true;
  const encoded = (yield* reader.peek()) === '"';
  if (call.name !== null && !encoded) {
    open(output, call);
    yield* reader.json((text) => output.toolArguments(text));
    return;
  }
  const value = yield* reader.jsonValue();
  // Some models write the arguments as a string that contains JSON.
  call.pendingArguments = typeof value?.value === "string" ? value.value : value?.text ?? "";
  if (call.name !== null) open(output, call);
}

function open(output: EventBuffer, call: Call): void {
  if (!call.isOpened) output.toolCall(call.name!, call.id);
  call.isOpened = true;
  if (call.pendingArguments !== null) output.toolArguments(call.pendingArguments);
  call.pendingArguments = null;
}
