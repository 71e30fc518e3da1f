import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { withFolder } from "../../../ffi/testing.ts";
import { ShimmyError } from "../../errors.ts";
import { ensureRpcKey, readRpcKey } from "./key_file.ts";

Deno.test("a key is made once, for its owner alone, and read again", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "rpc.key");
    const made = await ensureRpcKey(path);
    assertEquals([made.isNew, made.bytes.length, made.warning], [true, 32, null]);
    const again = await ensureRpcKey(path);
    assertEquals([again.isNew, again.bytes], [false, made.bytes]);
    assertEquals((await readRpcKey(path)).bytes, made.bytes);
    if (Deno.build.os === "windows") return;
    await Deno.chmod(path, 0o644);
    assertStringIncludes((await readRpcKey(path)).warning ?? "", "other users of this machine");
  });
});

Deno.test("a missing file and one that is no key are refused with the option", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "rpc.key");
    const missing = await assertRejects(() => readRpcKey(path), ShimmyError, "does not exist");
    assertEquals([missing.kind, missing.field], ["not_found", "rpc-key"]);
    for (const text of ["", "secret", "shimmy-rpc-key:AAAA", `shimmy-rpc-key:${"*".repeat(43)}`]) {
      await Deno.writeTextFile(path, text);
      await assertRejects(() => ensureRpcKey(path), ShimmyError, "is not a key");
    }
  });
});

Deno.test("a file that cannot be read or made is refused with the option and the path", async () => {
  await withFolder(async (folder) => {
    for (const read of [readRpcKey, ensureRpcKey]) {
      const error = await assertRejects(() => read(folder), ShimmyError, "--rpc-key: cannot read");
      assertStringIncludes(error.message, folder);
    }
    const file = join(folder, "file");
    await Deno.writeTextFile(file, "");
    await assertRejects(
      () => ensureRpcKey(join(file, "rpc.key")),
      ShimmyError,
      "--rpc-key: cannot",
    );
  });
});
