import { assertEquals } from "@std/assert";
import { fileReason } from "./errors.ts";

Deno.test("the reason of a failed file operation has no path and no number", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const absent = await Deno.readTextFile(`${folder}/it's "absent"`).catch((error) => error);
    assertEquals(/absent|os error|readfile/.test(fileReason(absent)), false);
    assertEquals(fileReason(absent).length > 0, true);
  } finally {
    await Deno.remove(folder);
  }
  assertEquals(fileReason(new Error("Disk full (os error 28)")), "Disk full");
  assertEquals(fileReason(new Error("not a regular file")), "not a regular file");
});
