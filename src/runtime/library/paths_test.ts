import { assertEquals, assertThrows } from "@std/assert";
import { join, resolve } from "node:path";
import { ShimmyError } from "../../errors.ts";
import { cacheDirectory } from "./paths.ts";

const environment = (values: Record<string, string>) => (name: string) => values[name];

Deno.test("SHIMMY_CACHE_DIR takes precedence and becomes absolute", () => {
  const env = environment({ SHIMMY_CACHE_DIR: "cache", HOME: "/home/a" });
  assertEquals(cacheDirectory(env, "linux"), resolve("cache"));
});

Deno.test("each system has its own cache folder", () => {
  const home = environment({ HOME: "/home/a" });
  assertEquals(cacheDirectory(home, "linux"), join("/home/a", ".cache", "shimmy"));
  assertEquals(cacheDirectory(home, "darwin"), join("/home/a", "Library", "Caches", "shimmy"));
  assertEquals(
    cacheDirectory(environment({ LOCALAPPDATA: "C:/l", USERPROFILE: "C:/u" }), "windows"),
    join("C:/l", "shimmy"),
  );
  assertEquals(
    cacheDirectory(environment({ USERPROFILE: "C:/u" }), "windows"),
    join("C:/u/AppData/Local", "shimmy"),
  );
});

Deno.test("XDG_CACHE_HOME counts on Linux, unless it is relative", () => {
  const absolute = environment({ XDG_CACHE_HOME: resolve("/xdg"), HOME: "/home/a" });
  assertEquals(cacheDirectory(absolute, "linux"), join(resolve("/xdg"), "shimmy"));
  assertEquals(cacheDirectory(absolute, "darwin"), join("/home/a", "Library", "Caches", "shimmy"));
  const relative = environment({ XDG_CACHE_HOME: "xdg", HOME: "/home/a" });
  assertEquals(cacheDirectory(relative, "linux"), join("/home/a", ".cache", "shimmy"));
});

Deno.test("without a home folder the error names the variable to set", () => {
  const error = assertThrows(() => cacheDirectory(environment({}), "linux"), ShimmyError);
  assertEquals(error.field, "SHIMMY_CACHE_DIR");
});
