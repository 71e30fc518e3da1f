import { assertEquals, assertThrows } from "@std/assert";
import { ShimmyError } from "./errors.ts";
import { parseJsonBytes, parseJsonValue } from "./json_value.ts";

const nested = (open: string, close: string, depth: number) =>
  `${open.repeat(depth)}1${close.repeat(depth)}`;

Deno.test("a value may nest 512 levels deep", () => {
  parseJsonValue(nested("[", "]", 512), "body");
  parseJsonValue(nested('{"a":', "}", 512), "body");
});

Deno.test("a value that nests deeper is refused by name", () => {
  for (const depth of [513, 5_000, 500_000]) {
    for (const [open, close] of [["[", "]"], ['{"a":', "}"]] as const) {
      const error = assertThrows(
        () => parseJsonValue(nested(open, close, depth), "body"),
        ShimmyError,
        "values nest deeper than 512 levels",
      );
      assertEquals(error.kind, "invalid");
    }
  }
});

Deno.test("the error names the field up to the fourth level", () => {
  const fieldOf = (text: string) =>
    assertThrows(() => parseJsonValue(text, "body"), ShimmyError).field;
  const deep = nested("[", "]", 600);
  assertEquals(
    fieldOf(`{"a":1,"tools":[{},{"f":{"parameters":{"x":${deep}}}}]}`),
    "tools[1].f.parameters",
  );
  assertEquals(fieldOf(`{"kwargs":{"b":${nested('{"c":', "}", 600)}}}`), "kwargs.b.c.c");
});

Deno.test("negative zeros become zeros", () => {
  const value = parseJsonValue('{"seed": -0.0, "tokens": [-0, 1, -1]}', "body");
  assertEquals(value, { seed: 0, tokens: [0, 1, -1] });
  assertEquals(Object.is((value as { seed: number }).seed, 0), true);
});

Deno.test("own properties keep their names and order", () => {
  const text = '{"b":1,"__proto__":{"x":-0},"a":null}';
  assertEquals(JSON.stringify(parseJsonValue(text, "body")), text.replace("-0", "0"));
});

Deno.test("bytes that are not JSON in UTF-8 are refused by name", () => {
  assertEquals(parseJsonBytes(new TextEncoder().encode('{"a":"\u00e9"}'), "body"), { a: "\u00e9" });
  for (const bytes of [[0x22, 0xff, 0x22], [0x7b], []]) {
    const error = assertThrows(
      () => parseJsonBytes(new Uint8Array(bytes), "body"),
      ShimmyError,
      "body: must be JSON in UTF-8",
    );
    assertEquals([error.kind, error.field], ["invalid", "body"]);
  }
});
