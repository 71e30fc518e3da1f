import { assertEquals, assertThrows } from "@std/assert";
import { llamaLicence } from "./licences.ts";

const OWN = await Deno.readTextFile(new URL("../LICENSE", import.meta.url));

Deno.test("the licence of llama.cpp differs from another project's only in its holder", () => {
  const lines = llamaLicence(OWN).split("\n");
  const differing = OWN.split("\n").flatMap((line, index) =>
    line === lines[index] ? [] : [lines[index]]
  );
  assertEquals(differing, ["Copyright (c) 2023-2026 The ggml authors"]);
  assertEquals(lines.length, OWN.split("\n").length);
});

Deno.test("a text of another kind is refused", () => {
  for (const text of ["", "Apache License", "MIT License\n\nwithout a holder"]) {
    assertThrows(() => llamaLicence(text), Error, "not that of the MIT licence");
  }
});
