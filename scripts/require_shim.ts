/**
 * The `require` of CommonJS packages in a bundle. They require only Node's built-in modules, which are
 * available to a bundle from a file and from a URL.
 */
const BUILTIN = "(name=>process.getBuiltinModule(name))";

/** The `require` of esbuild, which throws if there is no global one. The minifier chooses the names. */
const UNTOUCHED =
  /\b(var |,)([\w$]+)=\(([\w$]+)=>typeof require<"u"\?require:[^;]*;throw Error\('Dynamic require of "'\+[\w$]+\+'" is not supported'\)\}\)/g;

/** Deno's replacement for some names: a `require` that works only in a file. */
const OF_A_FILE =
  /import ?\{createRequire(?: as [\w$]+)?\} ?from ?"node:module";var ([\w$]+)=[\w$]+\(import\.meta\.url\)/g;

/**
 * Minified code in which `require` works from a file and from a URL.
 *
 * @throws {Error} if another `require` remains.
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
