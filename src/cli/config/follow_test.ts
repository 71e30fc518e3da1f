import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { entryDouble } from "../../../tests/doubles/pool.ts";
import { WorldDouble } from "../../../tests/doubles/world.ts";
import { GLOBAL_OPTIONS } from "../global_options.ts";
import { createLog } from "../log.ts";
import { parseOptions } from "../options.ts";
import { SERVE_OPTIONS } from "../serve_options.ts";
import type { Session, SessionChange } from "../world.ts";
import { followConfig } from "./follow.ts";
import { readConfig } from "./read.ts";

/** A server's settings in a file of a folder of its own, followed. */
async function follow() {
  const folder = await Deno.makeTempDir();
  const path = join(folder, "shimmy.json");
  await Deno.writeTextFile(path, "{}");
  const world = new WorldDouble({ models: [entryDouble("m")] });
  const lines: string[] = [];
  const log = createLog(undefined, false, (line) => lines.push(line));
  const called = async () => {
    const config = await readConfig(path);
    const options = { ...GLOBAL_OPTIONS, ...SERVE_OPTIONS };
    const { values } = parseOptions([], options, () => undefined, {
      label: "shimmy.json",
      options: config.options,
    });
    return { values, globals: values, config };
  };
  const call = { ...await called(), again: called };
  const session = await world.openSession({ ...call, parallel: 1, paths: "found" });
  const changes: SessionChange[] = [];
  const spied: Session = {
    ...session,
    configure: async (change) => {
      changes.push(change);
      await session.configure(change);
    },
  };
  const following = followConfig(call, spied, log);
  return {
    path,
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

Deno.test("a changed file holds without a restart", async () => {
  await using server = await follow();
  const body = {
    aliases: { other: "m" },
    server: { "keep-alive": "1m", parallel: 9, ctx: 512 },
  };
  await Deno.writeTextFile(server.path, JSON.stringify(body));
  await server.logged(1);
  assertEquals(server.lines, ["shimmy.json has changed; its settings hold from now on"]);
  const [change] = server.changes;
  assertEquals(change?.residence, { keepAlive: 60_000, maxModels: null });
  assertEquals([change?.parallel, change?.globals.ctx], [9, 512]);
  assertEquals((await server.session.pool.resolve("other")).name, "m");
});

Deno.test("a file that another one replaces is followed on", async () => {
  await using server = await follow();
  for (const alias of ["one", "two"]) {
    await Deno.writeTextFile(`${server.path}.tmp`, JSON.stringify({ aliases: { [alias]: "m" } }));
    await Deno.rename(`${server.path}.tmp`, server.path);
    await server.logged(alias === "one" ? 1 : 2);
    assertEquals((await server.session.pool.resolve(alias)).name, "m");
  }
});

Deno.test("a broken edit changes nothing and says why, until it is mended", async () => {
  await using server = await follow();
  await Deno.writeTextFile(server.path, JSON.stringify({ server: { parallel: "many" } }));
  await server.logged(1);
  assertStringIncludes(server.lines[0]!, "the settings stay as they were");
  assertStringIncludes(server.lines[0]!, "shimmy.json: server.parallel: must be a whole number");
  assertEquals(server.changes, []);
  await Deno.writeTextFile(server.path, JSON.stringify({ server: { parallel: 2 } }));
  await server.logged(2);
  assertEquals(server.changes.length, 1);
});

Deno.test("what needs a new start is told", async () => {
  await using server = await follow();
  await Deno.writeTextFile(server.path, JSON.stringify({ server: { port: 5 } }));
  await server.logged(2);
  assertStringIncludes(server.lines[0]!, "server.port: takes effect when Shimmy is started again");
});

Deno.test("another file of the folder is nothing to us", async () => {
  await using server = await follow();
  await Deno.writeTextFile(`${server.path}.bak`, "{");
  await new Promise((resolve) => setTimeout(resolve, 600));
  assertEquals([server.lines, server.changes], [[], []]);
});
