/** `cp`, which edits the configuration file. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { EnvironmentDouble } from "../../../tests/doubles/environment.ts";
import { entryDouble } from "../../../tests/doubles/pool.ts";
import { main } from "../main.ts";

/** A home folder for the configuration file. */
async function withHome(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.realPath(await Deno.makeTempDir());
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function cp(path: string, source: string, name: string) {
  const models = [entryDouble("m"), entryDouble("taken")];
  const environment = new EnvironmentDouble({ models });
  const status = await main(["cp", source, name, "--config", path], environment);
  return { status, notes: environment.notes };
}

Deno.test("cp adds an alias to the configuration file and keeps the rest", async () => {
  await withHome(async (folder) => {
    const path = join(folder, "shimmy.json");
    await Deno.writeTextFile(path, '{"defaults": {"seed": 7}, "aliases": {"a": "m"}}');
    const { status, notes } = await cp(path, "m", "GPT-4");
    assertEquals([status, notes], [0, [`Added the name gpt-4 for m to ${path}`]]);
    assertEquals(JSON.parse(await Deno.readTextFile(path)), {
      defaults: { seed: 7 },
      aliases: { a: "m", "gpt-4": "m" },
    });
    const environment = new EnvironmentDouble({ models: [entryDouble("m")] });
    const args = ["generate", "gpt-4", "Hi", "--config", path];
    assertEquals(await main(args, environment), 0);
    assertEquals(environment.loaded[0]?.name, "m");
    assertEquals(Array.from(Deno.readDirSync(folder)).length, 1);
  });
});

Deno.test("cp creates the user's configuration file when there is none", async () => {
  await withHome(async (folder) => {
    const env = { XDG_CONFIG_HOME: folder, HOME: folder, APPDATA: folder };
    const environment = new EnvironmentDouble({ models: [entryDouble("m")], env });
    const before = Deno.cwd();
    Deno.chdir(folder);
    try {
      assertEquals(await main(["cp", "m", "mine"], environment), 0);
    } finally {
      Deno.chdir(before);
    }
    const path = environment.notes[0]!.split(" to ").at(-1)!;
    assertEquals(path.startsWith(folder), true);
    assertEquals(JSON.parse(await Deno.readTextFile(path)), { aliases: { mine: "m" } });
  });
});

Deno.test("cp refuses names of models, unusable names and files with comments", async () => {
  await withHome(async (folder) => {
    const path = join(folder, "shimmy.json");
    await Deno.writeTextFile(path, "{}");
    assertEquals(await cp(path, "m", "taken"), {
      status: 2,
      notes: ["shimmy: cp: a model has the name 'taken' already"],
    });
    for (const name of ["a b", "x.gguf", "hf:o/r", "./a", ""]) {
      const { status, notes } = await cp(path, "m", name);
      assertEquals(status, 2);
      assertMatch(notes[0]!, new RegExp(`^shimmy: cp: NAME must be a name .*, not '${name}'$`));
    }
    assertEquals((await cp(path, "nobody", "x")).status, 1);
    assertEquals(await Deno.readTextFile(path), "{}");
    await Deno.writeTextFile(path, "{ /* mine */ }");
    const { status, notes } = await cp(path, "m", "x");
    assertEquals(status, 1);
    assertStringIncludes(notes[0]!, 'it has comments; add {"aliases":{"x":"m"}} to it');
  });
});

Deno.test("rm removes a name that cp gave, and not the model", async () => {
  await withHome(async (folder) => {
    const path = join(folder, "shimmy.json");
    await Deno.writeTextFile(path, '{"defaults": {"seed": 7}, "aliases": {"Mine": "m", "b": "m"}}');
    const environment = new EnvironmentDouble({ models: [entryDouble("m")] });
    assertEquals(await main(["rm", "mine", "--config", path], environment), 0);
    assertEquals(environment.out, "Removed the name mine; m stays\n");
    assertEquals(JSON.parse(await Deno.readTextFile(path)), {
      defaults: { seed: 7 },
      aliases: { b: "m" },
    });
    await Deno.writeTextFile(path, '{"aliases": {"mine": "m"}} // comment');
    const refused = new EnvironmentDouble({ models: [entryDouble("m")] });
    assertEquals(await main(["rm", "mine", "--config", path], refused), 1);
    assertStringIncludes(refused.notes[0]!, "has comments; remove aliases.mine from it");
  });
});
