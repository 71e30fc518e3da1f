import { assertEquals } from "@std/assert";
import { join } from "node:path";
import { until } from "../../../tests/doubles/context.ts";
import { watchFile } from "./watch_file.ts";

/** A file in a folder of its own, and the number of changes that were told. */
async function watched() {
  const folder = await Deno.makeTempDir();
  const path = join(folder, "inner", "file");
  const told = { changes: 0 };
  const watch = watchFile(path, () => {
    told.changes++;
    return Promise.resolve();
  });
  return {
    folder,
    path,
    told,
    async [Symbol.asyncDispose]() {
      await watch[Symbol.asyncDispose]();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

Deno.test("a file is followed while it appears, changes, is replaced and goes away", async () => {
  await using file = await watched();
  const { path, told } = file;
  await Deno.mkdir(join(file.folder, "inner"));
  await Deno.writeTextFile(path, "one");
  await until(() => told.changes === 1);
  await Deno.writeTextFile(path, "two!");
  await until(() => told.changes === 2);
  await Deno.writeTextFile(`${path}.new`, "four");
  await Deno.rename(`${path}.new`, path);
  await until(() => told.changes === 3);
  await Deno.remove(path);
  await until(() => told.changes === 4);
});

Deno.test({
  name: "a pipe in the folder blocks neither the watch nor its end",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using file = await watched();
    await Deno.mkdir(join(file.folder, "inner"));
    const pipe = async (path: string) =>
      assertEquals((await new Deno.Command("mkfifo", { args: [path] }).output()).code, 0);
    await pipe(`${file.path}.pipe`);
    await Deno.writeTextFile(file.path, "one");
    await until(() => file.told.changes === 1);
    await Deno.remove(file.path);
    await pipe(file.path);
    await until(() => file.told.changes === 2);
  },
});
