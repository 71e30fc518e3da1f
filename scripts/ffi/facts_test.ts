import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { hasCompiler } from "../../ffi/testing.ts";
import { bindingFacts, cProgram, disagreements } from "./facts.ts";

Deno.test("every field, enum member and constant of the bindings is a fact to check", () => {
  const { facts, structs, fields, constants } = bindingFacts();
  assertEquals(facts.length, structs + 2 * fields + constants);
  const values = new Map(facts.map(({ expression, value }) => [expression, value]));
  assertEquals(values.get("sizeof(struct llama_batch)"), 56);
  assertEquals(values.get("offsetof(struct llama_batch, token)"), 8);
  assertEquals(values.get("LLAMA_DEFAULT_SEED"), 0xffffffff);
  assertEquals(values.get("GGML_TYPE_Q8_0"), 8);
});

Deno.test("the program prints each fact in its order", () => {
  const program = cProgram([{ expression: "sizeof(int)", value: 4 }], ["llama.h"]);
  assertStringIncludes(program, '#include "llama.h"\n');
  assertStringIncludes(program, '  printf("%lld\\n", (long long) (sizeof(int)));\n');
});

Deno.test("a difference names both values, also for missing output", () => {
  const facts = [
    { expression: "A", value: 1 },
    { expression: "B", value: 2 },
    { expression: "C", value: 3 },
  ];
  assertEquals(disagreements(facts, "1\n2\n3\n"), []);
  assertEquals(disagreements(facts, "1\r\n4\r\n"), [
    "B: the headers say 4, the bindings 2",
    "C: the headers say nothing, the bindings 3",
  ]);
});

Deno.test("a compiler confirms true facts and not false ones (needs cc)", {
  ignore: !(await hasCompiler()),
}, async () => {
  const facts = [
    { expression: "sizeof(long long)", value: 8 },
    { expression: "offsetof(struct { char a; double b; }, b)", value: 4 },
  ];
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/check.c`, cProgram(facts, ["stdint.h"]));
    const compiled = await new Deno.Command("cc", { args: ["-o", "check", "check.c"], cwd: folder })
      .output();
    assert(compiled.success);
    const { stdout } = await new Deno.Command(`${folder}/check`).output();
    assertEquals(disagreements(facts, new TextDecoder().decode(stdout)), [
      "offsetof(struct { char a; double b; }, b): the headers say 8, the bindings 4",
    ]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
