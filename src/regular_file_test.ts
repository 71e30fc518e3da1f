import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { join } from "node:path";
import { checkRegularFile, checkRegularFileSync } from "./regular_file.ts";

Deno.test("files and folders pass, and what does not exist has its own error", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(join(folder, "file"), "");
    await checkRegularFile(join(folder, "file"));
    checkRegularFileSync(folder);
    await assertRejects(() => checkRegularFile(join(folder, "none")), Deno.errors.NotFound);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test({
  name: "pipes and devices are refused without opening them",
  ignore: Deno.build.os === "windows",
  async fn() {
    const folder = await Deno.makeTempDir();
    try {
      const pipe = join(folder, "pipe");
      assertEquals((await new Deno.Command("mkfifo", { args: [pipe] }).output()).code, 0);
      for (const path of [pipe, "/dev/zero"]) {
        await assertRejects(() => checkRegularFile(path), Error, "not a regular file");
        assertThrows(() => checkRegularFileSync(path), Error, "not a regular file");
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
