import { assertEquals, assertThrows } from "@std/assert";
import { ShimmyError } from "../../errors.ts";
import { parseBackendChoice, VARIANTS } from "./variant.ts";

Deno.test("every variant and auto are choices, in any case", () => {
  for (const name of ["auto", ...VARIANTS]) {
    assertEquals<string>(parseBackendChoice(` ${name.toUpperCase()} `), name);
  }
});

Deno.test("an unknown backend is refused with the valid names", () => {
  const error = assertThrows(() => parseBackendChoice("rocm"), ShimmyError);
  assertEquals(error.kind, "invalid");
  assertEquals(
    error.message,
    "--gpu-backend: must be one of auto, cpu, cuda, vulkan, opencl, metal, not 'rocm'",
  );
});
