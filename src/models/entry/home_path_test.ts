import { assertEquals } from "@std/assert";
import { join } from "node:path";
import { expandHome, homeFolder } from "./home_path.ts";

Deno.test("~ and $HOME at the beginning of a path are the home folder", () => {
  const home = join("/", "users", "ann");
  for (const path of ["~/m.gguf", "$HOME/m.gguf", "${HOME}/m.gguf"]) {
    assertEquals(expandHome(path, home), join(home, "m.gguf"));
  }
  assertEquals(expandHome("~", home), home);
  for (const path of ["~other/m.gguf", "$HOMES/m", "a/~/m.gguf", "/m.gguf"]) {
    assertEquals(expandHome(path, home), path);
  }
  assertEquals(expandHome("~/m.gguf", undefined), "~/m.gguf");
});

Deno.test("the home folder is HOME, or USERPROFILE on Windows", () => {
  assertEquals(homeFolder((name) => ({ USERPROFILE: "u" })[name]), "u");
  assertEquals(homeFolder((name) => ({ HOME: "", USERPROFILE: "" })[name]), undefined);
});
