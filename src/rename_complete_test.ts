import { assertEquals, assertRejects } from "@std/assert";
import { join } from "node:path";
import { renameComplete } from "./rename_complete.ts";

Deno.test("a complete file replaces the former one and keeps its mode", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const [part, path] = [join(folder, "part"), join(folder, "file")];
    await Deno.writeTextFile(path, "before");
    await Deno.writeTextFile(part, "after", { mode: 0o600 });
    await renameComplete(part, path);
    assertEquals(await Deno.readTextFile(path), "after");
    if (Deno.build.os !== "windows") assertEquals((await Deno.stat(path)).mode! & 0o777, 0o600);
    await assertRejects(() => renameComplete(part, path), Deno.errors.NotFound);
    assertEquals(await Deno.readTextFile(path), "after");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
