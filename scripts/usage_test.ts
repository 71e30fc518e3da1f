import { assertEquals, assertMatch } from "@std/assert";
import { fileURLToPath } from "node:url";
import { headComment } from "./usage.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

Deno.test("the comment at the head of a script has no frame", () => {
  assertEquals(
    headComment("/**\n * One.\n *\n *     two\n */\nimport x;\n/**\n * y\n */"),
    "One.\n\n    two",
  );
  assertEquals(headComment("import x;"), "");
});

Deno.test("measurements tell their options", async () => {
  const { tasks } = JSON.parse(await Deno.readTextFile(`${ROOT}/deno.json`));
  const names = Object.keys(tasks).filter((name) =>
    /^(bench|measure:.*|bench:.*|simulate:.*)$/.test(name)
  );
  assertEquals(names.length >= 10, true, names.join());
  await Promise.all(names.map(async (name) => {
    const { code, stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["task", "--quiet", name, "--help"],
      cwd: ROOT,
    }).output();
    const printed = new TextDecoder().decode(stdout);
    assertEquals(code, 0, name);
    assertMatch(printed, new RegExp(`deno task ${name}\\b`), name);
  }));
});
