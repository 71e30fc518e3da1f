import { assertEquals } from "@std/assert";
import { isOlder } from "./deno_version.ts";

Deno.test("versions are compared by their numbers", () => {
  for (const version of ["2.4.0", "2.4.2", "2.8.2", "1.46.3", "2.8.2-rc.9+abc"]) {
    assertEquals(isOlder(version, [2, 8, 3]), true, version);
  }
  for (const version of ["2.8.3", "2.8.10", "2.9.6", "2.10.0-rc.1+abc", "3.0.0"]) {
    assertEquals(isOlder(version, [2, 8, 3]), false, version);
  }
});
