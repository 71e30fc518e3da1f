import { assertEquals } from "@std/assert";
import { earlyFlags, ownCommand, V8_FLAGS } from "./own_command.ts";

Deno.test("V8 gets flags only if its version knows them", async () => {
  const early = earlyFlags("13.7.152.14-rusty");
  assertEquals(early.startsWith(`${V8_FLAGS},--`), true);
  for (const version of ["13.10.0", "14.0.1", "15.0.245.2-rusty"]) {
    assertEquals(earlyFlags(version), early);
  }
  for (const version of ["12.20.1", "13.6.9", "16.0.0", ""]) {
    assertEquals(earlyFlags(version), V8_FLAGS);
  }
  // Deno ends with an error for a flag that its V8 does not know.
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", earlyFlags(Deno.version.v8), ""],
    stderr: "null",
  }).output();
  assertEquals(code, 0);
});

Deno.test("a process that computes the same again and again optimizes early", () => {
  const flagsOf = (optimizesEarly: boolean) =>
    ownCommand("__hidden", "file:///main.ts", { optimizesEarly })[2];
  assertEquals(flagsOf(true), earlyFlags(Deno.version.v8));
  assertEquals(flagsOf(false), V8_FLAGS);
});
