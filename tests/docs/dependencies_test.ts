import { assert, assertEquals } from "@std/assert";

const ROOT = new URL("../../", import.meta.url);
const read = (path: string) => Deno.readTextFile(new URL(path, ROOT));
const readJson = async (path: string) => JSON.parse(await read(path));

type ImportMap = Readonly<Record<string, string>>;

/** `name@version` of each npm package in an import map. */
function packagesOf(imports: ImportMap): string[] {
  const ids = Object.values(imports).map((target) =>
    /^npm:\/?((?:@[^/]+\/)?[^/@]+@[^/]+)/.exec(target)?.[1] ?? target
  );
  return [...new Set(ids)].sort();
}

async function* sourcesIn(folder: string): AsyncGenerator<{ path: string; text: string }> {
  for await (const { name, isDirectory } of Deno.readDir(new URL(folder, ROOT))) {
    const path = `${folder}${name}`;
    if (isDirectory) yield* sourcesIn(`${path}/`);
    else if (name.endsWith(".ts")) yield { path, text: await read(path) };
  }
}

Deno.test("the tests' configuration is the runtime's with the imports of tests", async () => {
  const runtime = await readJson("deno.json");
  const tests = await readJson("deno.test.json");
  for (const setting of ["unstable", "compilerOptions", "fmt", "lint"]) {
    assertEquals(tests[setting], runtime[setting], setting);
  }
  const { imports } = await readJson("import_map.json") as { imports: ImportMap };
  const shared = Object.entries(tests.imports as ImportMap)
    // The examples import this package by its name.
    .filter(([name]) => !name.startsWith("test:") && name !== "@shimmy/shimmy/library");
  assertEquals(Object.fromEntries(shared), imports);
});

Deno.test("the web page's configuration has the checks of the runtime's", async () => {
  const { compilerOptions: runtime } = await readJson("deno.json");
  const { compilerOptions: page, imports } = await readJson("deno.web.json");
  for (const [name, value] of Object.entries(runtime)) assertEquals(page[name], value, name);
  const { imports: shared } = await readJson("import_map.json") as { imports: ImportMap };
  for (const name of Object.keys(shared)) {
    if (name in imports) assertEquals(imports[name], shared[name], name);
  }
});

Deno.test("the runtime's lock file pins only packages that the runtime imports", async () => {
  const { imports } = await readJson("import_map.json") as { imports: ImportMap };
  const { specifiers, npm } = await readJson("deno.lock");
  assertEquals(
    Object.keys(specifiers).map((name) => name.replace(/^npm:/, "")).sort(),
    packagesOf(imports),
  );
  const needed = new Set<string>();
  const visit = (given: string) => {
    // The packages that a package shares with its users follow its version.
    const id = Object.keys(npm).find((key) => key === given || key.startsWith(`${given}_`))!;
    if (needed.has(id)) return;
    needed.add(id);
    const { dependencies = [], optionalDependencies = [] } = npm[id];
    for (const name of [...dependencies, ...optionalDependencies]) {
      const found = Object.keys(npm).find((key) => key === name || key.startsWith(`${name}@`));
      assert(found, `${id} needs ${name}`);
      visit(found);
    }
  };
  packagesOf(imports).forEach(visit);
  assertEquals(Object.keys(npm).sort(), [...needed].sort());
});

Deno.test("packages in both lock files have the same digest", async () => {
  const [runtime, tests] = [await readJson("deno.lock"), await readJson("deno.test.lock")];
  for (const [id, { integrity }] of Object.entries<{ integrity: string }>(runtime.npm)) {
    assertEquals(tests.npm[id]?.integrity, integrity, id);
  }
});

Deno.test("only tests import a package for tests", async () => {
  let imports = 0;
  for (const folder of ["src/", "ffi/", "scripts/"]) {
    for await (const { path, text } of sourcesIn(folder)) {
      if (!/\b(?:from|import\() ?"test:/.test(text)) continue;
      assert(/_test\.ts$|\/testing\.ts$/.test(path), path);
      imports++;
    }
  }
  assert(imports > 0);
});

/** Deno's commands that resolve packages. */
const RESOLVING = /\bdeno (?:run|test|check|cache|bundle)\b[^&|;]*/g;

Deno.test("every task names its lock file, so that `deno task` itself fetches nothing", async () => {
  const { tasks, lock, imports } = await readJson("deno.json");
  // `deno task` fetches all that the configuration's own lock file and imports name.
  assertEquals([lock, imports], [false, undefined]);
  let commands = 0;
  for (const [name, task] of Object.entries<string>(tasks)) {
    for (const [command] of task.matchAll(RESOLVING)) {
      // A script that uses packages of the tests runs with their configuration.
      const wanted = /deno (?:test|check)/.test(command)
        ? ["--config=deno.test.json", "--config=deno.web.json"]
        : ["--lock=deno.lock", "--config=deno.test.json"];
      assert(wanted.some((word) => command.split(" ").includes(word)), name);
      commands++;
    }
  }
  assert(commands > 15);
});
