import { assertEquals } from "@std/assert";
import { join } from "node:path";
import { findExecutable } from "./executable.ts";

Deno.test("the first folder of PATH with an executable of the name counts", async () => {
  const root = await Deno.makeTempDir();
  try {
    const [first, second] = [join(root, "first"), join(root, "second")];
    await Deno.mkdir(join(first, "agent"), { recursive: true });
    await Deno.mkdir(second);
    await Deno.writeTextFile(join(first, "plain"), "", { mode: 0o644 });
    for (const name of ["agent", "plain", "shim.cmd"]) {
      await Deno.writeTextFile(join(second, name), "", { mode: 0o755 });
    }
    const posix = (name: string) =>
      findExecutable(name, () => `${first}::${second}:/missing`, "linux");
    assertEquals(await posix("agent"), join(second, "agent"));
    assertEquals(await posix("plain"), join(Deno.build.os === "windows" ? first : second, "plain"));
    assertEquals(await posix("other"), null);
    const variables: Record<string, string> = { PATH: `${first};${second}`, PATHEXT: ".exe;.cmd" };
    assertEquals(
      await findExecutable("shim", (name) => variables[name], "windows"),
      join(second, "shim.cmd"),
    );
    assertEquals(await findExecutable("agent", () => undefined, "linux"), null);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
