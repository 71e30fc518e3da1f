import { assert, assertEquals } from "@std/assert";
import { findProblems, jsrTarget, readRepository, stdImports } from "./jsr.ts";

const problemsOf = (imports: Record<string, string>, names: string[] = []) =>
  findProblems(new Map([["deno.json", imports]]), new Map([["a.ts", names]]));

Deno.test("names become JSR's specifiers", () => {
  assertEquals(jsrTarget("@std/assert"), "jsr:@std/assert@^1");
  assertEquals(jsrTarget("@std/async/deadline"), "jsr:@std/async@^1/deadline");
  assertEquals(jsrTarget("@std/async/dead_line"), null);
  assertEquals(jsrTarget("@std/async/mod.ts"), null);
});

Deno.test("static, dynamic and bare imports are found", () => {
  // The names are put in afterwards, so that the check does not find imports in this file.
  const lines = ['import { a } from "/a";', 'export * from "/b/c";', 'await import("/d");'];
  const more = ['import "/e";', 'const text = "/f";'];
  const source = `${[...lines, ...more].join("\n").replaceAll('"/', '"@std/')}\nimport "zod";`;
  assertEquals(stdImports(source), ["@std/a", "@std/b/c", "@std/d", "@std/e"]);
});

Deno.test("an entry of npm or of JSR is right when its file is the export's", () => {
  const names = ["@std/path", "@std/text/closest-string", "@std/http/status"];
  const entries = {
    "@std/path": "npm:deno-std@1.4.0/path/mod.js",
    "@std/text/closest-string": "npm:deno-std@1.4.0/text/closest_string.js",
    "@std/http/status": "jsr:@std/http@^1/status",
  };
  assertEquals(problemsOf(entries, names), []);
});

Deno.test("a name of our own, another file and an import without an entry are problems", () => {
  assertEquals(problemsOf({ "@std/lines": "npm:deno-std@1.4.0/streams/text_line_stream.js" }), [
    "deno.json: @std/lines maps to npm:deno-std@1.4.0/streams/text_line_stream.js: " +
    "must be jsr:@std/lines@^1, or lines/mod.js of deno-std",
  ]);
  assertEquals(problemsOf({ "@std/path.js": "npm:deno-std@1.4.0/path/mod.js" }), [
    "deno.json: @std/path.js is not the name of a JSR export",
  ]);
  assertEquals(problemsOf({}, ["@std/assert"]), [
    "a.ts: @std/assert has no entry in an import map",
  ]);
});

Deno.test("import maps that disagree are a problem", () => {
  const maps = new Map([
    ["deno.json", { "@std/path": "npm:deno-std@1.4.0/path/mod.js" }],
    ["deno.test.json", { "@std/path": "jsr:@std/path@^1" }],
  ]);
  assertEquals(findProblems(maps, new Map()), [
    "deno.test.json: @std/path maps to jsr:@std/path@^1, " +
    "and to npm:deno-std@1.4.0/path/mod.js in another import map",
  ]);
});

Deno.test("the repository can take @std from JSR by a change of its import maps", () => {
  const { maps, imports } = readRepository();
  assert([...imports.values()].flat().length > 100);
  assertEquals(findProblems(maps, imports), []);
});
