/**
 * What a bundle gives CommonJS packages for `require`. They want Node's own modules from it and nothing
 * else, which can be had from a file and from a URL alike.
 */
const BUILTIN = "(name=>process.getBuiltinModule(name))";

/** esbuild's own, which throws where there is no `require`. Every name in it is the minifier's choice. */
const UNTOUCHED =
  /\b(var |,)([\w$]+)=\(([\w$]+)=>typeof require<"u"\?require:[^;]*;throw Error\('Dynamic require of "'\+[\w$]+\+'" is not supported'\)\}\)/g;

/** What Deno makes of that where the minifier's names suit it: a `require` that only a file can have. */
const OF_A_FILE =
  /import ?\{createRequire(?: as [\w$]+)?\} ?from ?"node:module";var ([\w$]+)=[\w$]+\(import\.meta\.url\)/g;

/**
 * Minified code in which the bundler's `require` works wherever the code is run from.
 *
 * @throws {Error} where a `require` is left that does not
 */
export function withWorkingRequire(code: string): string {
  const mended = code
    .replace(UNTOUCHED, (_, before, name) => `${before}${name}=${BUILTIN}`)
    .replace(OF_A_FILE, (_, name) => `var ${name}=${BUILTIN}`);
  if (mended.includes("Dynamic require of") || /=[\w$]+\(import\.meta\.url\)/.test(mended)) {
    throw new Error("The bundler's require has a form that scripts/require_shim.ts does not know");
  }
  return mended;
}
