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

/** The key of a chat template in a GGUF file, and the bytes of the type and the length after it. */
const KEY = "tokenizer.chat_template";
const TYPE_BYTES = 4;
const LENGTH_BYTES = 8;

/**
 * Writes the tiny model with another chat template, which must not be longer than its own. A comment
 * fills the rest, so that all offsets stay the same.
 */
export async function writeModel(path: string, template: string): Promise<void> {
  const bytes = await Deno.readFile(TINY);
  const key = new TextEncoder().encode(KEY);
  const at = bytes.findIndex((_, start) =>
    key.every((byte, index) => bytes[start + index] === byte)
  );
  const length = at + key.length + TYPE_BYTES;
  const size = Number(new DataView(bytes.buffer).getBigUint64(length, true));
  const filled = `${template}{#`.padEnd(size - 2) + "#}";
  if (at < 0 || filled.length !== size) throw new RangeError("The template is too long");
  bytes.set(new TextEncoder().encode(filled), length + LENGTH_BYTES);
  await Deno.writeFile(path, bytes);
}
