import { assertEquals, assertThrows } from "@std/assert";
import { readDeclarations } from "./c_declarations.ts";
import { ffiName, layOut } from "./layout.ts";

const found = readDeclarations([{
  name: "sample.h",
  text: `
    enum kind { ONE, TWO };
    typedef bool (*callback)(void * data);
    typedef struct inner { int32_t id; float p; bool last; } inner;
    struct outer {
      bool flag;
      int64_t count;
      char key[3];
      enum kind kind;
      union { double real; bool truth; char text[10]; };
      inner item;
      callback done;
      const inner * list[2];
    };
    struct opaque;
  `,
}]);

Deno.test("members have the offsets of C", () => {
  const { size, align, fields } = layOut("outer", found);
  assertEquals(fields.map(({ name, offset, size }) => [name, offset, size]), [
    ["flag", 0, 1],
    ["count", 8, 8],
    ["key", 16, 3],
    ["kind", 20, 4],
    ["real", 24, 8],
    ["truth", 24, 1],
    ["text", 24, 10],
    ["item", 36, 12],
    ["done", 48, 8],
    ["list", 56, 16],
  ]);
  assertEquals([size, align], [72, 8]);
});

Deno.test("types get their names in Deno", () => {
  const { fields } = layOut("outer", found);
  const names = fields.filter((field) => /flag|count|kind|real|done/.test(field.name))
    .map((field) => ffiName(field.type, found));
  assertEquals(names, ["bool", "i64", "i32", "f64", "function"]);
});

Deno.test("a struct without a definition has no layout", () => {
  assertThrows(() => layOut("opaque", found), TypeError, "struct opaque");
});
