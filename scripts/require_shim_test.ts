import { assertEquals, assertThrows } from "@std/assert";
import { withWorkingRequire } from "./require_shim.ts";

/** What esbuild writes, with the names that its minifier chose. */
const esbuilds = (name: string, x: string) =>
  `var a=Object.create;var ${name}=(${x}=>typeof require<"u"?require:typeof Proxy<"u"?new Proxy(${x},` +
  `{get:(e,n)=>(typeof require<"u"?require:e)[n]}):${x})(function(${x}){if(typeof require<"u")` +
  `return require.apply(this,arguments);throw Error('Dynamic require of "'+${x}+'" is not supported')});` +
  `result=${name}("node:path").sep;`;

const denos = (name: string) =>
  `import{createRequire as m}from"node:module";var ${name}=m(import.meta.url);` +
  `result=${name}("node:path").sep;`;

const sep = Deno.build.os === "windows" ? "\\" : "/";

for (
  const [what, code] of [
    ["esbuild's require", esbuilds("zc", "t")],
    ["esbuild's require with a dollar sign in its name", esbuilds("$c", "$")],
    ["Deno's require", denos("zc")],
    ["Deno's require with a dollar sign in its name", denos("z$")],
    ["Deno's require without another name", denos("c").replace(" as m", "")],
  ] as const
) {
  Deno.test(`${what} finds Node's modules wherever the bundle lies`, () => {
    const mended = withWorkingRequire(code);
    // As a function's body it has neither `require` nor `import.meta`, as a module from a URL.
    assertEquals(new Function(`let result; ${mended}; return result;`)(), sep);
  });
}

Deno.test("a package's own createRequire stays as it is", () => {
  const code = 'import{createRequire as h}from"node:module";h("/");new URL(import.meta.url);';
  assertEquals(withWorkingRequire(code), code);
});

Deno.test("a require of another form is an error", () => {
  assertThrows(() => withWorkingRequire("throw Error('Dynamic require of '+x)"), Error, "form");
  assertThrows(() => withWorkingRequire("var r=make(import.meta.url);"), Error, "form");
});
