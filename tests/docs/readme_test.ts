import { assert, assertEquals } from "@std/assert";
import { commands } from "../../scripts/docs/command_line.ts";
import { routeName, ROUTES } from "../../scripts/docs/api.ts";
import { fillSections, sectionsOf } from "../../scripts/docs/markdown.ts";
import { makePages, makeSections, PAGES } from "../../scripts/docs/pages.ts";
import { V8_FLAGS } from "../../src/own_command.ts";
import { GLOBAL_OPTIONS } from "../../src/cli/options/global_options.ts";
import { nativeDialect } from "../../src/server/api/native/dialect.ts";
import { OLLAMA_FIELDS } from "../../src/server/api/ollama/request/generate_rule.ts";
import { Router } from "../../src/server/http/router.ts";

const ROOT = new URL("../../", import.meta.url);
const read = (path: string) => Deno.readTextFile(new URL(path, ROOT));

async function pages(): Promise<{ readonly name: string; readonly text: string }[]> {
  return await Promise.all(PAGES.map(async (name) => ({ name, text: await read(name) })));
}

async function allText(): Promise<string> {
  return (await pages()).map(({ text }) => text).join("\n");
}

/** The names in a list that a set lacks. */
function missing(wanted: Iterable<string>, there: Iterable<string>): string[] {
  const known = new Set(there);
  return [...new Set(wanted)].filter((name) => !known.has(name));
}

Deno.test("the generated sections of the pages are current", async () => {
  for (const { name, current, made } of await makePages()) {
    assert(current === made, `${name} is not current; run: deno task docs`);
  }
});

Deno.test("every section that is made stands in a page", async () => {
  const there = (await pages()).flatMap(({ text }) => sectionsOf(text));
  assertEquals(missing(Object.keys(await makeSections()), there), []);
});

Deno.test("a changed section is found out", () => {
  const page = "before\n<!-- made by `deno task docs`: x -->\n\nold\n\n<!-- end -->\nafter";
  assertEquals(fillSections(page, { x: "new" }), page.replace("old", "new"));
});

Deno.test("every command and every option of it is in the pages", async () => {
  const reference = await read("docs/cli.md");
  for (const { name, command } of await commands()) {
    assert(reference.includes(`### \`shimmy ${name}`), name);
    const section = reference.split(`### \`shimmy ${name}`)[1]!.split("\n##")[0]!;
    const told = [...section.matchAll(/^\| (?:`-\w`, )?`--([a-z\d-]+)/gm)].map(([, option]) =>
      option!
    );
    assertEquals(told, Object.keys(command.options), name);
  }
  const readme = await read("README.md");
  for (const option of Object.keys(GLOBAL_OPTIONS)) {
    assert(readme.includes(`\`--${option}`), option);
  }
});

Deno.test("the commands that start Shimmy from its source tell V8 what its executable is told", async () => {
  const task = JSON.parse(await read("deno.json")).tasks.shimmy;
  for (const command of [task, await read("README.md")]) assert(command.includes(V8_FLAGS));
});

/** Options of Deno, its scripts, curl and llama.cpp that the pages speak of. */
const OTHERS_OPTIONS = [
  ...["ffi", "read", "write", "net", "env", "sys", "run"].map((right) => `allow-${right}`),
  // Of llama.cpp's programs, for those who look for them here.
  "control-vector",
  "control-vector-layer-range",
  "control-vector-scaled",
  "lora-scaled",
  "help",
  "help-all",
  "max-semi-space-size",
  "reload",
  "target",
  "unstable-no-legacy-abort",
  "v8-flags",
  "version",
  "with-runtime",
];

Deno.test("the pages speak of no option and no command that is not there", async () => {
  const text = await allText();
  const all = await commands();
  const options = [
    ...Object.keys(GLOBAL_OPTIONS),
    ...all.flatMap(({ command }) => Object.keys(command.options)),
    ...OTHERS_OPTIONS,
  ];
  const spoken = [...text.matchAll(/(?<![\w!<-])--([a-z][a-z\d-]*)/g)].map(([, name]) => name!);
  assertEquals(missing(spoken, options), []);
  const called = [...text.matchAll(/(?:[`$] ?|task )shimmy ([a-z][a-z-]*)/g)]
    .map(([, name]) => name!);
  assertEquals(missing(called, all.map(({ name }) => name)), []);
  assert(spoken.length > 50 && called.length > 5);
});

Deno.test("every route is in the README, and every route in the pages is there", async () => {
  const readme = await read("README.md");
  const router = new Router(ROUTES, nativeDialect);
  for (const route of ROUTES) {
    const twin = route.path.startsWith("/ollama/") && routeName(route).replace("/ollama", "");
    const told = [routeName(route), twin].some((name) => name && readme.includes(`\`${name}\``));
    assert(told, routeName(route));
  }
  const text = await allText();
  const asked = [...text.matchAll(/`(GET|POST|DELETE) (\/[\w/:.-]*)/g)]
    .map(([, method, path]) => [method!, path!] as const);
  const curled = [...text.matchAll(/curl (?:-N )?http:\/\/127\.0\.0\.1:11435(\/[\w/]+)/g)]
    .map(([, path]) => ["POST", path!] as const);
  for (const [method, path] of [...asked, ...curled]) router.find(method, path);
  assert(curled.length > 5);
});

Deno.test("the README tells which fields make a generate request Ollama's", async () => {
  const [, list] = /one of the fields\s+([^;]*);/.exec(await read("README.md"))!;
  assertEquals([...list!.matchAll(/`(\w+)`/g)].map(([, field]) => field), OLLAMA_FIELDS);
});

Deno.test("every variable of the environment that the code reads is in the README", async () => {
  const readme = await read("README.md");
  const read_ = new Set<string>();
  for (const folder of ["src", "ffi"]) {
    for await (const source of sourcesIn(new URL(`${folder}/`, ROOT))) {
      for (const [, name] of source.matchAll(/\benv(?:\.get)?\(\s*"([A-Z_a-z]+)"/g)) {
        read_.add(name!);
      }
      for (const [, name] of source.matchAll(/\benv: "([A-Z_]+)"/g)) read_.add(name!);
    }
  }
  assert(read_.size > 15);
  assertEquals([...read_].filter((name) => !readme.includes(`\`${name}\``)), []);
});

async function* sourcesIn(folder: URL): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) yield* sourcesIn(new URL(`${name}/`, folder));
    else if (/\.ts$/.test(name) && !/_test\.ts$|^testing\.ts$/.test(name)) {
      yield await Deno.readTextFile(new URL(name, folder));
    }
  }
}

Deno.test("every task is in the README, and every task there is one", async () => {
  const { tasks } = JSON.parse(await read("deno.json")) as { tasks: Record<string, string> };
  const there = Object.keys(tasks).filter((name) => hasScript(tasks[name]!));
  const told = [...(await allText()).matchAll(/deno(?:@[\d.]+)? task ([\w:]+)/g)]
    .map(([, name]) => name!);
  assertEquals(missing(there, told), []);
  assertEquals(missing(told, there), []);
  const rows = [...(await read("README.md")).matchAll(/^\| `deno task ([\w:]+)`/gm)];
  assertEquals(rows.length, new Set(rows.map(([, name]) => name)).size);
});

/** Whether a task can run: the script it names, if it names one, is there. */
function hasScript(task: string): boolean {
  const script = /scripts\/\S+\.ts/.exec(task)?.[0];
  if (script === undefined) return true;
  try {
    return Deno.statSync(new URL(script, ROOT)).isFile;
  } catch {
    return false;
  }
}

Deno.test("no task and no import is named twice", async () => {
  const text = await read("deno.json");
  for (const section of ["tasks", "imports"]) {
    const [, body] = new RegExp(`"${section}": \\{([^}]*)`).exec(text)!;
    const keys = [...body!.matchAll(/^ {4}"([^"]+)":/gm)].map(([, key]) => key!);
    assert(keys.length > 5);
    assertEquals(keys.filter((key, i) => keys.indexOf(key) !== i), []);
  }
});

Deno.test("links within the repository lead somewhere", async () => {
  let links = 0;
  for (const { name, text } of await pages()) {
    for (const [, target] of text.matchAll(/\]\((?!https?:)([^)]+)\)/g)) {
      const [path, anchor] = target!.split("#");
      const url = path ? new URL(path, new URL(name, ROOT)) : new URL(name, ROOT);
      await Deno.stat(url);
      links++;
      if (anchor === undefined) continue;
      const headings = [...(await Deno.readTextFile(url)).matchAll(/^#+ (.*)$/gm)]
        .map(([, heading]) =>
          heading!.toLowerCase().replaceAll(/[^\w -]/g, "").replaceAll(" ", "-")
        );
      assert(headings.includes(anchor), `${name}: ${target}`);
    }
  }
  assert(links > 10);
});
