import { join } from "@std/path";
import { locateLibrary } from "../../../ffi/library/locate.ts";
import { messageOf, ShimmyError } from "../../errors.ts";
import { NPM_VERSION, WITHOUT_DOWNLOAD } from "./release.ts";

/** Exports of the packages. */
interface BinariesModule {
  getBinsDir(): { readonly binsDir: string; readonly packageVersion: string };
}

/** Imports a package. Tests pass a double. */
export type ImportPackage = (specifier: string) => Promise<BinariesModule>;

const importPackage: ImportPackage = (specifier) => import(specifier);

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
  { load = importPackage, os = Deno.build.os }: {
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

/**
 * True if Deno's cache has a package of `@node-llama-cpp`, so that importing it downloads nothing.
 */
export function isPackageCached(
  name: string,
  env: (name: string) => string | undefined = Deno.env.get,
): boolean {
  const directory = denoDirectory(env);
  if (directory === null) return false;
  try {
    // One folder per registry.
    const registries = [...Deno.readDirSync(join(directory, "npm"))].map((entry) => entry.name);
    return registries.some((registry) => {
      const version = join(directory, "npm", registry, "@node-llama-cpp", name, NPM_VERSION);
      return existsSync(join(version, "bins", name));
    });
  } catch {
    return false;
  }
}

function existsSync(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
