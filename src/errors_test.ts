import { assertEquals } from "@std/assert";
import { fileReason, ShimmyError } from "./errors.ts";

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

Deno.test("a message has a maximum length, whatever a client has sent", () => {
  const { message } = new ShimmyError("not_found", `Model '${"a".repeat(2 ** 20)}' not found`);
  assertEquals([message.length, message.slice(0, 9)], [4_003, "Model 'aa"]);
});
