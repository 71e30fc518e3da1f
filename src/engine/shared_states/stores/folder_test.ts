import { assertEquals, assertRejects } from "@std/assert";
import { join } from "node:path";
import { withFolder } from "../../../../ffi/testing.ts";
import { SharedFolder } from "./folder.ts";
import { MOST_LISTED } from "./object_store.ts";

const signal = new AbortController().signal;
const bytes = new Uint8Array([1, 2, 3]);

Deno.test("files are listed by their beginning, read and deleted", async () => {
  await withFolder(async (folder) => {
    const store = new SharedFolder(folder);
    await store.put("a/b/one.state", bytes, signal);
    await store.put("a/two.state", bytes, signal);
    await store.put("c/three.state", bytes, signal);
    await Deno.writeTextFile(join(folder, "a", "half.state.x.tmp"), "1");
    const keys = async (prefix: string) =>
      (await store.list(prefix, signal)).objects.map(({ key }) => key).sort();
    assertEquals(await keys("a/"), ["a/b/one.state", "a/two.state"]);
    assertEquals(await keys("a/b/"), ["a/b/one.state"]);
    assertEquals(await keys("a/two.state"), ["a/two.state"]);
    assertEquals([await keys("z/"), await keys("a/three.state")], [[], []]);
    assertEquals(await store.get("a/two.state", 3, signal), bytes);
    assertEquals(await store.get("a/two.state", 2, signal), null);
    await store.delete("a/two.state");
    await store.delete("a/two.state");
    assertEquals(await store.get("a/two.state", 3, signal), null);
  });
});

Deno.test("a listing has no more files than it may", async () => {
  await withFolder(async (folder) => {
    const store = new SharedFolder(folder);
    await Deno.mkdir(join(folder, "a"));
    for (let file = 0; file < MOST_LISTED + 1; file++) {
      Deno.writeFileSync(join(folder, "a", `${file}.state`), bytes);
    }
    assertEquals((await store.list("a/", signal)).isTruncated, true);
  });
});

Deno.test("a folder that does not exist, as when it is not mounted, is an error", async () => {
  await withFolder(async (folder) => {
    const store = new SharedFolder(join(folder, "none"));
    await assertRejects(() => store.list("a/", signal), Deno.errors.NotFound);
    await assertRejects(() => store.put("a/b", bytes, signal), Deno.errors.NotFound);
  });
});

Deno.test({
  name: "members of the group may read the files, and others may not",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await withFolder(async (folder) => {
      await new SharedFolder(folder).put("a/b", bytes, signal);
      const mode = (path: string) => (Deno.statSync(join(folder, path)).mode ?? 0) & 0o777;
      const mask = Deno.umask();
      assertEquals([mode("a/b"), mode("a")], [0o660 & ~mask, 0o770 & ~mask]);
    });
  },
});
