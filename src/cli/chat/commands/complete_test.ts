import { assertEquals } from "@std/assert";
import { join } from "node:path";
import { EnvironmentDouble } from "../../../../tests/doubles/environment.ts";
import type { ModelHost } from "../../answering/mod.ts";
import { SavedConversations } from "../conversation/mod.ts";
import { completeLine } from "./complete.ts";

Deno.test("Tab completes commands, their words, models, conversations and files", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const saved = new SavedConversations(join(folder, "saved"));
    await saved.save("my chat", { model: "m", messages: [] });
    await Deno.writeTextFile(join(folder, "notes.txt"), "");
    await Deno.mkdir(join(folder, "nested"));
    await Deno.writeTextFile(join(folder, ".hidden"), "");
    const context = {
      environment: new EnvironmentDouble({ env: { HOME: folder } }),
      host: { list: () => Promise.resolve(["llama", "lima"]) } as unknown as ModelHost,
      saved,
    };
    const complete = (line: string) => completeLine(context, line);
    assertEquals(await complete("/sa"), [["/save "], "/sa"]);
    assertEquals(await complete("/set ver"), [["verbose "], "ver"]);
    assertEquals(await complete("/load li"), [["lima"], "li"]);
    assertEquals(await complete("/resume my"), [["my chat"], "my"]);
    assertEquals(await complete(`/file ${folder}/n`), [
      [`${folder}/nested/`, `${folder}/notes.txt`],
      `${folder}/n`,
    ]);
    assertEquals(await complete("/file ~/no"), [["~/notes.txt"], "~/no"]);
    assertEquals(await complete(`/file ${folder}/.h`), [[`${folder}/.hidden`], `${folder}/.h`]);
    assertEquals((await complete("hello"))[0], []);
    if (Deno.build.os !== "windows") {
      await Deno.writeTextFile(join(folder, "odd\x1b[31m"), "");
      await Deno.writeTextFile(join(folder, "odd"), "");
      assertEquals((await complete(`/file ${folder}/o`))[0], [`${folder}/odd`]);
    }
    assertEquals((await complete("/clear x"))[0], []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
