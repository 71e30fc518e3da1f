import { basename, isAbsolute, join, resolve } from "node:path";
import { fileReason, messageOf } from "../../errors.ts";
import { checkRegularFile } from "../../regular_file.ts";
import { homeFolder } from "../../models/entry/mod.ts";
import { GLOBAL_OPTIONS, SERVE_OPTIONS, UsageError } from "../options/mod.ts";
import { type Config, CONFIG_NAME } from "./config.ts";

/** Inputs of the search for the configuration file. */
export interface ConfigSearch {
  /** The value of `--config` or `SHIMMY_CONFIG`. */
  readonly named: string | null;
  readonly env: (name: string) => string | undefined;
  readonly cwd: string;
  readonly os: typeof Deno.build.os;
}

/**
 * Reads the configuration file: the named file, or else `shimmy.json` in the working directory, or else
 * the one in the user's configuration folder. `null` when none exists.
 *
 * @throws {UsageError} for a named file that does not exist, and for an invalid file.
 */
export async function findConfig(search: ConfigSearch): Promise<Config | null> {
  const paths = configPaths(search);
  if (search.named !== null) return await readConfig(paths[0]!, search);
  for (const path of paths) {
    const source = await textOf(path).catch((error) => {
      // Without the permission to read, the file counts as missing.
      if (error instanceof Deno.errors.NotCapable) return null;
      throw error;
    });
    if (source !== null) return await configOf(path, source, search);
  }
  return null;
}

/** Possible paths of the configuration file. The first that exists is used. */
export function configPaths(search: ConfigSearch): string[] {
  if (search.named !== null) return [resolve(search.cwd, search.named)];
  const folder = configDirectory(search);
  return [search.cwd, ...(folder === null ? [] : [folder])].map((one) => join(one, CONFIG_NAME));
}

/** Reads a configuration file. @throws {UsageError} for a missing or invalid file. */
async function readConfig(path: string, search: ConfigSearch): Promise<Config> {
  const source = await textOf(path);
  if (source === null) throw new UsageError(`--config: ${path} does not exist`);
  return await configOf(path, source, search);
}

/** The user's configuration folder on this operating system; `null` without a home folder. */
export function configDirectory({ env, os }: Pick<ConfigSearch, "env" | "os">): string | null {
  if (os === "windows") {
    const roaming = env("APPDATA");
    return roaming ? join(roaming, "shimmy") : null;
  }
  const home = env("HOME");
  if (os === "darwin") {
    return home ? join(home, "Library", "Application Support", "shimmy") : null;
  }
  // The XDG Base Directory specification: a relative path in the variable is ignored.
  const xdg = env("XDG_CONFIG_HOME");
  if (xdg && isAbsolute(xdg)) return join(xdg, "shimmy");
  return home ? join(home, ".config", "shimmy") : null;
}

async function configOf(
  path: string,
  source: string,
  { env }: Pick<ConfigSearch, "env">,
): Promise<Config> {
  const { toConfig } = await import("./schema.ts");
  try {
    return toConfig(path, source, { ...GLOBAL_OPTIONS, ...SERVE_OPTIONS }, homeFolder(env));
  } catch (error) {
    throw new UsageError(`${basename(path)}: ${messageOf(error)}`);
  }
}

/** A file's text; `null` when the file does not exist. */
async function textOf(path: string): Promise<string | null> {
  try {
    await checkRegularFile(path);
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    if (error instanceof Deno.errors.NotCapable) throw error;
    if ((await Deno.stat(path).catch(() => null))?.isDirectory) {
      throw new UsageError(`${path} is a directory; name the configuration file in it`);
    }
    throw new UsageError(`Cannot read ${path}: ${fileReason(error)}`);
  }
}
