import { assertEquals, assertThrows } from "@std/assert";
import { readDeclarations } from "./c_declarations.ts";

const read = (text: string) => readDeclarations([{ name: "sample.h", text }]);

Deno.test("functions are read with their C types", () => {
  const { functions } = read(`
    typedef struct thing * thing_t;
    LLAMA_API const struct thing * make(thing_t from, const char ** names, /* one */ float x[4], int);
    LLAMA_API void none(void); // nothing
    LLAMA_API void print(const char * format, ...);
  `);
  const make = functions.get("make")!;
  assertEquals(make.resultC, "const struct thing *");
  assertEquals(make.parameters.map(({ name, c }) => `${c} ${name}`), [
    "thing_t from",
    "const char ** names",
    "float[4] x",
    "int arg3",
  ]);
  assertEquals(functions.get("none")!.parameters, []);
  assertEquals([functions.get("print")!.variadic, make.variadic], [true, false]);
});

Deno.test("deprecated functions and functions with a body are left out", () => {
  const { functions } = read(`
    DEPRECATED(LLAMA_API int old(int a, int b), "use new instead");
    LLAMA_API DEPRECATED(int older(void), "gone");
    static inline int small(int a) { return a; };
    LLAMA_API int kept(void);
  `);
  assertEquals([...functions.keys()], ["kept"]);
});

Deno.test("enum values count up and may refer to other enums and macros", () => {
  const { enums, constants } = read(`
    #define BASE 0x10u
    #define ALIAS BASE
    #define TEXT "no number"
    enum first { A = -1, B, C = 1 << 4 | 1, D, };
    enum second { E = D, F = ALIAS, G };
  `);
  assertEquals([...enums.get("first")!], [["A", -1], ["B", 0], ["C", 17], ["D", 18]]);
  assertEquals([...enums.get("second")!], [["E", 18], ["F", 16], ["G", 17]]);
  assertEquals([...constants], [["BASE", 16], ["ALIAS", 16]]);
});

Deno.test("only the conditional branches of plain C are read", () => {
  const { functions, constants } = read(`
    #ifndef SAMPLE_H
    #ifdef __cplusplus
    extern "C" {
    #endif
    #if SMALL
    #define WIDTH 4
    #elif defined(OTHER)
    #define WIDTH 8
    #else
    #define WIDTH 16
    #endif
    int kept(void);
    #ifdef __cplusplus
    }
    #endif
    #endif
  `);
  assertEquals([...functions.keys()], ["kept"]);
  assertEquals(constants.get("WIDTH"), 16);
});

Deno.test("an unsupported declaration throws", () => {
  assertThrows(() => read("int stray;"), SyntaxError, "int stray");
});
