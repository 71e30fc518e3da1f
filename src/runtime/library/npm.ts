import { join } from "node:path";
import { locateLibrary } from "../../../ffi/library/locate.ts";
import { messageOf, ShimmyError } from "../../errors.ts";
import { type ImportPackage, importPackage } from "./npm_import.ts";
import { NPM_VERSION, WITHOUT_DOWNLOAD } from "./release.ts";

/**
 * Imports an npm package of `@node-llama-cpp` and returns the folder of its libraries. Deno
 * downloads the package if its cache does not have it, verifies its integrity and stores real
 * files.
 *
 * @param name The package without scope and version, for example `linux-x64-vulkan`.
 * @param options.os The operating system of the package.
 * @throws {ShimmyError} `backend` with the reason and an alternative.
 */
export async function fetchPackage(
  name: string,
  { load = findOrImport, os = Deno.build.os }: {
    readonly load?: ImportPackage | undefined;
    readonly os?: typeof Deno.build.os;
  } = {},
): Promise<string> {
  let binsDir: string;
  try {
    // The specifier is computed, so that other packages are neither downloaded nor compiled into an
    // executable.
    binsDir = (await load(`npm:@node-llama-cpp/${name}@${NPM_VERSION}`)).getBinsDir().binsDir;
  } catch (cause) {
    throw new ShimmyError(
      "backend",
      `Cannot download the npm package @node-llama-cpp/${name}; ${WITHOUT_DOWNLOAD}`,
      { detail: messageOf(cause), cause },
    );
  }
  const folder = join(binsDir, name);
  try {
    locateLibrary(folder, os);
  } catch (cause) {
    throw new ShimmyError(
      "backend",
      `Deno's copy of the npm package @node-llama-cpp/${name} is incomplete: delete it and try again`,
      { detail: folder, cause },
    );
  }
  return folder;
}

/** Takes the package from Deno's cache, without a child process, or imports it. */
const findOrImport: ImportPackage = async (specifier) => {
  const name = specifier.slice(specifier.indexOf("/") + 1, specifier.lastIndexOf("@"));
  const binsDir = cachedBinaries(name);
  if (binsDir === null) return await importPackage(specifier);
  return { getBinsDir: () => ({ binsDir, packageVersion: NPM_VERSION }) };
};

/** Deno's cache folder, if the environment defines it. */
function denoDirectory(env: (name: string) => string | undefined): string | null {
  const chosen = env("DENO_DIR");
  if (chosen) return chosen;
  const home = env("HOME");
  switch (Deno.build.os) {
    case "windows":
      return env("LOCALAPPDATA") ? join(env("LOCALAPPDATA") as string, "deno") : null;
    case "darwin":
      return home ? join(home, "Library", "Caches", "deno") : null;
    default: {
      const cache = env("XDG_CACHE_HOME") || (home && join(home, ".cache"));
      return cache ? join(cache, "deno") : null;
    }
  }
}

/** The folder `bins` of a package of `@node-llama-cpp` in Deno's cache, or `null`. */
function cachedBinaries(
  name: string,
  env: (name: string) => string | undefined = Deno.env.get,
): string | null {
  const directory = denoDirectory(env);
  if (directory === null) return null;
  try {
    // One folder per registry.
    for (const { name: registry } of Deno.readDirSync(join(directory, "npm"))) {
      const version = join(directory, "npm", registry, "@node-llama-cpp", name, NPM_VERSION);
      if (existsSync(join(version, "bins", name))) return join(version, "bins");
    }
  } catch {
    // The folder is missing or may not be read: Deno resolves the package itself.
  }
  return null;
}

/**
 * True if Deno's cache has a package of `@node-llama-cpp`, so that importing it downloads nothing.
 */
export function isPackageCached(
  name: string,
  env: (name: string) => string | undefined = Deno.env.get,
): boolean {
  return cachedBinaries(name, env) !== null;
}

function existsSync(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
