import { assertEquals, assertMatch } from "@std/assert";
import { readSystemFile } from "./system_file.ts";

Deno.test({
  name: "what Linux tells of itself is read without further permissions",
  ignore: Deno.build.os !== "linux",
  fn: () => assertMatch(readSystemFile("/proc/self/status")!, /^Name:/),
});

Deno.test("a file that is not there is null", () => {
  assertEquals(readSystemFile("/proc/no-such-file"), null);
});
