import { join } from "@std/path";
import { locateLibrary } from "../../../ffi/library/locate.ts";
import { messageOf, ShimmyError } from "../../errors.ts";
import { NPM_VERSION, WITHOUT_DOWNLOAD } from "./release.ts";

/** What the packages export. */
interface BinariesModule {
  getBinsDir(): { readonly binsDir: string; readonly packageVersion: string };
}

/** Imports a package; tests put a double in its place. */
export type ImportPackage = (specifier: string) => Promise<BinariesModule>;

const importPackage: ImportPackage = (specifier) => import(specifier);

/**
 * Lets Deno fetch an npm package of `@node-llama-cpp`, unless its cache has it, and finds the libraries
 * in it. Deno checks the package's integrity and leaves real files.
 *
 * @param name the package without scope and version, e.g. `linux-x64-vulkan`
 * @param options.os the system the package is for
 * @throws {ShimmyError} `backend` with the reason and what to do
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
    // A computed specifier: what is not asked for is neither fetched nor put into an executable.
    binsDir = (await load(`npm:@node-llama-cpp/${name}@${NPM_VERSION}`)).getBinsDir().binsDir;
  } catch (cause) {
    throw new ShimmyError(
      "backend",
      `Cannot fetch the npm package @node-llama-cpp/${name}; ${WITHOUT_DOWNLOAD}`,
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

/** Deno's own cache folder, where the environment tells. */
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

/** Whether Deno has a package of `@node-llama-cpp` already, so that importing it fetches nothing. */
export function isPackageCached(
  name: string,
  env: (name: string) => string | undefined = Deno.env.get,
): boolean {
  const directory = denoDirectory(env);
  if (directory === null) return false;
  try {
    // One folder for each registry.
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
