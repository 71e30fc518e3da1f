import { assertEquals, assertMatch } from "@std/assert";
import { readSystemFile } from "./system_file.ts";

Deno.test({
  name: "a Linux system file is read without further permissions",
  ignore: Deno.build.os !== "linux",
  fn: () => assertMatch(readSystemFile("/proc/self/status")!, /^Name:/),
});

Deno.test("a missing file is null", () => {
  assertEquals(readSystemFile("/proc/no-such-file"), null);
});
