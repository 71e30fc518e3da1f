import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { UsageError } from "../options/options.ts";
import { configDirectory, findConfig } from "./read.ts";

/** A working directory and a home, both empty. */
class Homes implements AsyncDisposable {
  private constructor(readonly root: string) {}

  static async make(): Promise<Homes> {
    const root = await Deno.makeTempDir();
    await Deno.mkdir(join(root, "work"));
    await Deno.mkdir(join(root, "settings", "shimmy"), { recursive: true });
    return new Homes(root);
  }

  get cwd(): string {
    return join(this.root, "work");
  }

  find(named: string | null = null) {
    const env = (name: string) =>
      name === "XDG_CONFIG_HOME" ? join(this.root, "settings") : undefined;
    return findConfig({ named, env, cwd: this.cwd, os: "linux" });
  }

  async write(path: string, body: unknown): Promise<void> {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    await Deno.writeTextFile(join(this.root, path), text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.root, { recursive: true });
  }
}

Deno.test("a named file overrides the working directory's file, which overrides the user's file", async () => {
  await using homes = await Homes.make();
  assertEquals(await homes.find(), null);
  await homes.write("settings/shimmy/shimmy.json", { server: { port: 1 } });
  assertEquals((await homes.find())?.options, { port: ["1"] });
  await homes.write("work/shimmy.json", { server: { port: 2 } });
  assertEquals((await homes.find())?.options, { port: ["2"] });
  await homes.write("work/other.json", { server: { port: 3 } });
  assertEquals((await homes.find("other.json"))?.path, join(homes.cwd, "other.json"));
});

Deno.test("a named file must exist", async () => {
  await using homes = await Homes.make();
  await assertRejects(() => homes.find("none.json"), UsageError, "none.json does not exist");
});

Deno.test("an error names the file and the field", async () => {
  await using homes = await Homes.make();
  await homes.write("work/shimmy.json", { models: { a: { ctx: "long" } } });
  await assertRejects(
    () => homes.find(),
    UsageError,
    "shimmy.json: models.a.ctx: must be a whole number, 0 or more",
  );
});

Deno.test("a byte order mark is accepted", async () => {
  await using homes = await Homes.make();
  await homes.write("work/shimmy.json", "\uFEFF{}");
  assertEquals((await homes.find())?.options, {});
});

Deno.test("the user's configuration folder depends on the operating system", () => {
  const env = (values: Record<string, string>) => (name: string) => values[name];
  const home = { HOME: "/home/x" };
  assertEquals(configDirectory({ env: env(home), os: "linux" }), join("/home/x/.config/shimmy"));
  const relative = { ...home, XDG_CONFIG_HOME: "here" };
  assertEquals(
    configDirectory({ env: env(relative), os: "linux" }),
    join("/home/x/.config/shimmy"),
  );
  assertEquals(
    configDirectory({ env: env(home), os: "darwin" }),
    join("/home/x/Library/Application Support/shimmy"),
  );
  assertEquals(
    configDirectory({ env: env({ APPDATA: "/roaming" }), os: "windows" }),
    join("/roaming/shimmy"),
  );
  assertEquals(configDirectory({ env: env({}), os: "linux" }), null);
});

Deno.test({
  name: "a pipe in place of a configuration file is refused and blocks nothing",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using homes = await Homes.make();
    await homes.write("work/other.json", "{}");
    const pipe = join(homes.cwd, "pipe.json");
    await new Deno.Command("mkfifo", { args: [pipe] }).output();
    const error = await assertRejects(() => homes.find("pipe.json"), UsageError);
    assertStringIncludes(error.message, "pipe.json: not a regular file");
  },
});

Deno.test("a directory and a file that is no object are refused with one sentence", async () => {
  await using homes = await Homes.make();
  const directory = await assertRejects(() => homes.find("../settings"), UsageError);
  assertStringIncludes(directory.message, "settings is a directory; name the configuration file");
  await homes.write("work/list.json", "[]");
  const list = await assertRejects(() => homes.find("list.json"), UsageError);
  assertEquals(
    list.message,
    'list.json: must contain a JSON object, such as { "models": {} }',
  );
});
