import { assertEquals } from "@std/assert";
import { anchorsOf, findBrokenLinks, linksOf, namedFiles } from "./links.ts";

/** What is wrong with pages, in a repository that holds them and some other files. */
function check(pages: Readonly<Record<string, string>>, files: readonly string[] = []): string[] {
  const all = [...Object.keys(pages), ...files];
  return findBrokenLinks({
    pages: new Map(Object.entries(pages)),
    folders: ["src", "docs"],
    exists: (path) => all.some((file) => file === path || file.startsWith(`${path}/`)),
  });
}

Deno.test("links are found inline, by reference, in images and in HTML", () => {
  const page = '[a](x.md) ![b](<y.svg> "title")\n\n[c]: z.md\n<img src="w.svg"> `[d](no.md)`\n' +
    "```\n[e](no.md)\n```\n<!-- [f](no.md) -->\n";
  assertEquals(linksOf(page), [
    { target: "x.md", line: 1 },
    { target: "y.svg", line: 1 },
    { target: "z.md", line: 3 },
    { target: "w.svg", line: 4 },
  ]);
});

Deno.test("anchors are made as GitHub makes them", () => {
  const page = "# One: two\n## `POST /v1/x`\n## Twice\n## Twice\n```\n# no\n```\n" +
    '## A [link](x)\n<a id="own"></a>\n';
  assertEquals([...anchorsOf(page)], [
    "one-two",
    "post-v1x",
    "twice",
    "twice-1",
    "a-link",
    "own",
  ]);
});

Deno.test("a link to a file that does not exist is reported with its line", () => {
  assertEquals(check({ "docs/a.md": "\n[x](b.md) [y](../src/c.ts) [z](../src)" }, ["src/c.ts"]), [
    "docs/a.md:2: b.md does not exist",
  ]);
});

Deno.test("an anchor without a heading is reported, in this page and in others", () => {
  const pages = { "a.md": "# Here\n[x](#here) [y](#there) [z](b.md#b) [w](b.md#c)", "b.md": "# B" };
  assertEquals(check(pages), [
    "a.md:2: #there: the page has no heading for #there",
    "a.md:2: b.md#c: the page has no heading for #c",
  ]);
});

Deno.test("a link out of the repository and a broken URL are reported", () => {
  assertEquals(check({ "a.md": "[x](../b.md) [y](https://) [z](https://example.com/c)" }), [
    "a.md:1: ../b.md is outside of the repository",
    "a.md:1: https:// is not a URL",
  ]);
});

Deno.test("a file that code names must exist", () => {
  const page = "`src/a.ts` `src/b.ts` `src/*.ts` `x/src/b.ts` `https://x/src/b.ts`\n" +
    "```sh\ncat src/c.ts\n```\n";
  assertEquals(namedFiles(page, ["src"]).map(({ target }) => target), [
    "src/a.ts",
    "src/b.ts",
    "src/c.ts",
  ]);
  assertEquals(check({ "a.md": page }, ["src/a.ts"]), [
    "a.md:1: the file src/b.ts does not exist",
    "a.md:3: the file src/c.ts does not exist",
  ]);
});
