/** Inputs that ask for much more work than their size suggests, for tests and measurements. */
import { TINY } from "../support/engine.ts";

const times = (count: number, text: string) => Array(count).fill(text).join(" ");

/** Chat templates of model files. */
export const TEMPLATES: Readonly<Record<string, string>> = {
  "nested loops":
    "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}",
  "a macro that calls itself twice":
    "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(40) }}",
  "replace in a loop": "{% set ns = namespace(t='aa') %}{% for i in range(60) %}" +
    "{% set ns.t = ns.t | replace('a', 'aa') %}{% endfor %}{{ ns.t }}",
  "a wide tojson": "{{ messages | tojson(indent=100000000) }}",
};

function patterns(count: number, pattern: (index: number) => string) {
  const properties = Array.from(
    { length: count },
    (_, index) => [`p${index}`, { type: "string", pattern: pattern(index) }],
  );
  return { type: "object", properties: Object.fromEntries(properties) };
}

/** JSON schemas. */
export const SCHEMAS: Readonly<Record<string, unknown>> = {
  "20 patterns": patterns(20, () => "^.*a.{9}0$"),
  "100 patterns": patterns(100, (index) => `^.*a.{9}${index}$`),
  "one large pattern": patterns(1, () => "^.*a.{20}$"),
  "2,000 properties": {
    type: "object",
    properties: Object.fromEntries(
      Array.from({ length: 2_000 }, (_, index) => [`p${index}`, { type: "string" }]),
    ),
  },
};

/** GBNF grammars. */
export const GRAMMARS: Readonly<Record<string, string>> = {
  "900 optional characters": `root ::= ${times(900, '"a"?')}`,
  "optional rules on four levels": `root ::= ${times(6, "b")}\nb ::= ${times(6, "c")}\n` +
    `c ::= ${times(6, "d")}\nd ::= "x"? "x"? "x"? "x"?`,
  "100,000 alternatives": `root ::= ${
    Array.from({ length: 100_000 }, (_, index) => `"${index}"`).join(" | ")
  }`,
};

const CHAT = "/v1/chat/completions";
const chatWith = (content: string) =>
  `{"model":"shimmy-tiny","messages":[{"role":"user","content":"${content}"}]}`;
const listOf = (count: number, item: string) => `[${`${item},`.repeat(count - 1)}${item}]`;

const imageOf = (data: string) =>
  `{"model":"shimmy-tiny","messages":[{"role":"user","content":[{"type":"image_url",` +
  `"image_url":{"url":"data:image/png;base64,${data}"}}]}]}`;

/** A boundary that is as long as boundaries may be. */
const BOUNDARY = "a".repeat(70);

/** A form whose file has the beginning of the boundary everywhere. */
function form(): string {
  const head = `--${BOUNDARY}\r\ncontent-disposition: form-data; name="file"; filename="f"\r\n\r\n`;
  return `${head}${"a".repeat(31 * 2 ** 20)}\r\n--${BOUNDARY}--\r\n`;
}

/** The body of a request. Its text is made when it is needed: it is large. */
export interface HostileBody {
  readonly path: string;
  readonly text: () => string;
  /** The content type. */
  readonly type?: string;
}

/** Bodies by name. */
export const BODIES: Readonly<Record<string, HostileBody>> = {
  "a message of 31 MiB": { path: CHAT, text: () => chatWith("\\n".repeat(15.5 * 2 ** 20)) },
  "900,000 token ids": {
    path: "/v1/completions",
    text: () => `{"model":"shimmy-tiny","prompt":${listOf(900_000, "5")}}`,
  },
  "20,000 wrong messages": {
    path: CHAT,
    text: () => `{"messages":${listOf(20_000, '{"role":1}')}}`,
  },
  "10 million values": { path: CHAT, text: () => `{"messages":${listOf(10_000_000, "{}")}}` },
  "values nested 5,000 deep": {
    path: CHAT,
    text: () => `{"messages":${"[".repeat(5_000)}${"]".repeat(5_000)}}`,
  },
  "a form of 31 MiB that nearly has its boundary everywhere": {
    path: "/v1/audio/transcriptions",
    text: form,
    type: `multipart/form-data; boundary=${BOUNDARY}`,
  },
  "an image of 31 MiB that is not base64": {
    path: CHAT,
    text: () => imageOf("!".repeat(31 * 2 ** 20)),
  },
  "reasoning of 31 MiB": {
    path: "/v1/responses",
    text: () =>
      `{"model":"shimmy-tiny","input":[{"type":"reasoning","id":"a","summary":[],` +
      `"encrypted_content":"${"/".repeat(31 * 2 ** 20)}"}]}`,
  },
  "an image of 31 MiB with a space after each character": {
    path: CHAT,
    text: () => imageOf("A ".repeat(15.5 * 2 ** 20)),
  },
};

/** Bytes of the type and of the length before a text in the metadata of a GGUF file. */
const TYPE_BYTES = 4;
const LENGTH_BYTES = 8;

/** The bytes of the tiny model, and the position behind a key of its metadata. */
async function tinyModel(key: string) {
  const bytes = await Deno.readFile(TINY);
  const text = new TextEncoder().encode(key);
  const at = bytes.findIndex((_, start) =>
    text.every((byte, index) => bytes[start + index] === byte)
  );
  if (at < 0) throw new RangeError(`The tiny model has no ${key}`);
  return { bytes, at: at + text.length };
}

/**
 * Writes the tiny model with another chat template, which must not be longer than its own. A comment
 * fills the rest, so that all offsets stay the same.
 */
export async function writeModel(path: string, template: string): Promise<void> {
  const { bytes, at } = await tinyModel("tokenizer.chat_template");
  const length = at + TYPE_BYTES;
  const size = Number(new DataView(bytes.buffer).getBigUint64(length, true));
  const filled = `${template}{#`.padEnd(size - 2) + "#}";
  if (filled.length !== size) throw new RangeError("The template is too long");
  bytes.set(new TextEncoder().encode(filled), length + LENGTH_BYTES);
  await Deno.writeFile(path, bytes);
}

/** Writes the tiny model with another trained context length in its header. */
export async function writeLongModel(path: string, contextLength: number): Promise<void> {
  const { bytes, at } = await tinyModel("llama.context_length");
  new DataView(bytes.buffer).setUint32(at + TYPE_BYTES, contextLength, true);
  await Deno.writeFile(path, bytes);
}
