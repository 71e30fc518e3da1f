import { assertEquals, assertGreater } from "@std/assert";

/** All modules below a folder, with relative paths. */
function* modules(folder: URL): Generator<URL> {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    if (isDirectory) yield* modules(new URL(`${name}/`, folder));
    else if (name.endsWith(".ts") && !name.endsWith("_test.ts")) yield new URL(name, folder);
  }
}

Deno.test("only the command line prints", () => {
  const here = new URL(".", import.meta.url);
  // The web page has snippets of programs that print.
  const others = [`${here.href}cli/`, `${here.href}web/`];
  const rest = [...modules(here)].filter(({ href }) => !others.some((one) => href.startsWith(one)));
  assertGreater(rest.length, 100);
  const printing = rest.filter((url) => /\bconsole\./.test(Deno.readTextFileSync(url)));
  assertEquals(printing.map(({ href }) => href.slice(here.href.length)), []);
});
