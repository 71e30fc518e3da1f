import { assertEquals, assertStringIncludes } from "@std/assert";
import { dirname, join } from "node:path";
import { entryDouble } from "../../../tests/doubles/pool.ts";
import { EnvironmentDouble } from "../../../tests/doubles/environment.ts";
import { ShimmyError } from "../../errors.ts";
import { GLOBAL_OPTIONS } from "../options/global_options.ts";
import { createLog } from "./log.ts";
import { parseOptions } from "../options/options.ts";
import { SERVE_OPTIONS } from "../options/serve_options.ts";
import type { ModelSession, ModelSessionChange } from "../environment/environment.ts";
import { watchConfig } from "./reload_config.ts";
import { configPaths, type ConfigSearch, findConfig } from "../config/read.ts";

/** Watches a configuration file in a working directory and in a user's configuration folder. */
async function follow({ begins = "{}" }: { begins?: string | null } = {}) {
  const folder = await Deno.realPath(await Deno.makeTempDir());
  const path = join(folder, "work", "shimmy.json");
  const usersPath = join(folder, "home", "settings", "shimmy", "shimmy.json");
  await Deno.mkdir(dirname(path));
  await Deno.mkdir(join(folder, "home"));
  if (begins !== null) await Deno.writeTextFile(path, begins);
  const search: ConfigSearch = {
    named: null,
    env: (name) => name === "XDG_CONFIG_HOME" ? join(folder, "home", "settings") : undefined,
    cwd: dirname(path),
    os: "linux",
  };
  const environment = new EnvironmentDouble({ models: [entryDouble("m")] });
  const lines: string[] = [];
  const push = (line: string) => void lines.push(line);
  const log = createLog(undefined, false, { note: push, alert: push });
  const called = async () => {
    const config = await findConfig(search);
    const options = { ...GLOBAL_OPTIONS, ...SERVE_OPTIONS };
    const { values } = parseOptions([], options, () => undefined, {
      label: "shimmy.json",
      options: config?.options ?? {},
    });
    return { values, globals: values, config };
  };
  const call = { ...await called(), reload: called, configPaths: configPaths(search) };
  const session = await environment.openModelSession({ ...call, parallel: 1, paths: "found" });
  const changes: ModelSessionChange[] = [];
  const spied: ModelSession = {
    ...session,
    configure: async (change) => {
      changes.push(change);
      await session.configure(change);
    },
  };
  const following = watchConfig(call, spied, log, ({ globals }) => {
    if (globals.draft === "hf:none/there") throw new ShimmyError("backend", "It is not here");
    return Promise.resolve({ ...globals, draft: globals.draft && `pulled ${globals.draft}` });
  });
  return {
    path,
    usersPath,
    lines,
    changes,
    session,
    /** Resolves when so many lines were logged. */
    async logged(count: number) {
      for (let waited = 0; lines.length < count && waited < 500; waited++) {
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      assertEquals(lines.length, count, lines.join("\n"));
    },
    async [Symbol.asyncDispose]() {
      await following[Symbol.asyncDispose]();
      await session[Symbol.asyncDispose]();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

Deno.test("a changed file is applied without a restart", async () => {
  await using server = await follow();
  const body = {
    aliases: { other: "m" },
    server: { "keep-alive": "1m", parallel: 9, ctx: 512, "step-timeout": 7 },
  };
  await Deno.writeTextFile(server.path, JSON.stringify(body));
  await server.logged(1);
  assertEquals(server.lines, ["shimmy.json changed; new requests use its settings"]);
  const [change] = server.changes;
  assertEquals(change?.residency, { keepAlive: 60_000, maxModels: null });
  assertEquals([change?.parallel, change?.globals.ctx, change?.stepTimeout], [9, 512, 7]);
  assertEquals((await server.session.registry.resolve("other")).name, "m");
});

Deno.test("a draft model of a changed file is pulled first; a failed pull changes nothing", async () => {
  await using server = await follow();
  const write = (draft: string) =>
    Deno.writeTextFile(server.path, JSON.stringify({ server: { draft } }));
  await write("hf:none/there");
  await server.logged(1);
  assertStringIncludes(server.lines[0]!, "the settings stay unchanged: It is not here");
  assertEquals(server.changes, []);
  await write("hf:o/r");
  await server.logged(3);
  assertEquals(server.changes[0]?.globals.draft, "pulled hf:o/r");
  assertStringIncludes(
    server.lines[1]!,
    "server.draft: 'pulled hf:o/r': Cannot use the model of --draft: it was not found",
  );
});

Deno.test("a replaced file is watched further", async () => {
  await using server = await follow();
  for (const alias of ["one", "two"]) {
    await Deno.writeTextFile(`${server.path}.tmp`, JSON.stringify({ aliases: { [alias]: "m" } }));
    await Deno.rename(`${server.path}.tmp`, server.path);
    await server.logged(alias === "one" ? 1 : 2);
    assertEquals((await server.session.registry.resolve(alias)).name, "m");
  }
});

Deno.test("an invalid file changes nothing and is reported, until it is corrected", async () => {
  await using server = await follow();
  await Deno.writeTextFile(server.path, JSON.stringify({ server: { parallel: "many" } }));
  await server.logged(1);
  assertStringIncludes(server.lines[0]!, "the settings stay unchanged");
  assertStringIncludes(
    server.lines[0]!,
    "shimmy.json: server.parallel: must be auto or a whole number",
  );
  assertEquals(server.changes, []);
  await Deno.writeTextFile(server.path, JSON.stringify({ server: { parallel: 2 } }));
  await server.logged(2);
  assertEquals(server.changes.length, 1);
});

Deno.test("a file with invalid JSON is reported once", async () => {
  await using server = await follow();
  await Deno.writeTextFile(server.path, "{");
  await server.logged(1);
  assertStringIncludes(
    server.lines[0]!,
    "the settings stay unchanged: shimmy.json: must be JSON",
  );
  await Deno.writeTextFile(server.path, "{");
  await new Promise((resolve) => setTimeout(resolve, 600));
  assertEquals([server.lines.length, server.changes], [1, []]);
});

Deno.test("a file that appears or disappears after the start is applied and reported", async () => {
  await using server = await follow({ begins: null });
  await Deno.writeTextFile(server.path, JSON.stringify({ server: { parallel: 3 } }));
  await server.logged(1);
  await Deno.remove(server.path);
  await server.logged(2);
  assertEquals(server.lines, [
    "shimmy.json was found; new requests use its settings",
    "shimmy.json was removed; new requests use default settings",
  ]);
  assertEquals(server.changes.map(({ parallel }) => parallel), [3, 0]);
});

Deno.test("a file in a new folder is found and watched", async () => {
  await using server = await follow({ begins: null });
  const write = (parallel: number) =>
    Deno.writeTextFile(server.usersPath, JSON.stringify({ server: { parallel } }));
  await Deno.mkdir(dirname(server.usersPath), { recursive: true });
  await write(2);
  await server.logged(1);
  await write(5);
  await server.logged(2);
  // The one in the working directory comes before the user's.
  await Deno.writeTextFile(server.path, JSON.stringify({ server: { parallel: 7 } }));
  await server.logged(3);
  await Deno.remove(dirname(server.path), { recursive: true });
  await server.logged(4);
  assertEquals(server.changes.map(({ parallel }) => parallel), [2, 5, 7, 5]);
  await Deno.mkdir(dirname(server.path));
  await Deno.writeTextFile(server.path, JSON.stringify({ server: { parallel: 9 } }));
  await server.logged(5);
  assertEquals(server.changes.at(-1)?.parallel, 9);
});

Deno.test("a link with a new target is applied", async () => {
  await using server = await follow({ begins: null });
  const folder = dirname(server.path);
  for (const [name, parallel] of [["one", 2], ["two", 6]] as const) {
    await Deno.mkdir(join(folder, name));
    const body = JSON.stringify({ server: { parallel } });
    await Deno.writeTextFile(join(folder, name, "shimmy.json"), body);
  }
  await Deno.symlink("one", join(folder, "current"), { type: "dir" });
  await Deno.symlink(join("current", "shimmy.json"), server.path, { type: "file" });
  await server.logged(1);
  // As a cluster's mounted settings are replaced.
  await Deno.symlink("two", join(folder, "next"), { type: "dir" });
  await Deno.rename(join(folder, "next"), join(folder, "current"));
  await server.logged(2);
  assertEquals(server.changes.map(({ parallel }) => parallel), [2, 6]);
});

Deno.test("options that need a restart are reported", async () => {
  await using server = await follow();
  await Deno.writeTextFile(server.path, JSON.stringify({ server: { port: 5 } }));
  await server.logged(2);
  assertStringIncludes(server.lines[0]!, "server.port: takes effect after a restart");
});

Deno.test("other files of the folder are ignored", async () => {
  await using server = await follow();
  await Deno.writeTextFile(`${server.path}.bak`, "{");
  await new Promise((resolve) => setTimeout(resolve, 600));
  assertEquals([server.lines, server.changes], [[], []]);
});
