import { basename, isAbsolute, join, resolve } from "@std/path";
import { messageOf } from "../../errors.ts";
import { GLOBAL_OPTIONS, SERVE_OPTIONS, UsageError } from "../options/mod.ts";
import { type Config, CONFIG_NAME } from "./config.ts";

/** Where a configuration file is looked for. */
export interface ConfigPlaces {
  /** `--config` or `SHIMMY_CONFIG`. */
  readonly named: string | null;
  readonly env: (name: string) => string | undefined;
  readonly cwd: string;
  readonly os: typeof Deno.build.os;
}

/**
 * The configuration: of the file that is named, else of `shimmy.json` in the working directory, else of
 * the one in the user's configuration folder; null where there is none.
 *
 * @throws {UsageError} for a named file that is not there, and for whatever is wrong with one.
 */
export async function findConfig(places: ConfigPlaces): Promise<Config | null> {
  const paths = configPaths(places);
  if (places.named !== null) return await readConfig(paths[0]!);
  for (const path of paths) {
    const source = await textOf(path).catch((error) => {
      // Who may not look there has not asked for it either.
      if (error instanceof Deno.errors.NotCapable) return null;
      throw error;
    });
    if (source !== null) return await configOf(path, source);
  }
  return null;
}

/** Where a configuration file may lie, the first that is there counts. */
export function configPaths(places: ConfigPlaces): string[] {
  if (places.named !== null) return [resolve(places.cwd, places.named)];
  const folder = configDirectory(places);
  return [places.cwd, ...(folder === null ? [] : [folder])].map((one) => join(one, CONFIG_NAME));
}

/** The configuration in a file. @throws {UsageError} for whatever is wrong with it. */
export async function readConfig(path: string): Promise<Config> {
  const source = await textOf(path);
  if (source === null) throw new UsageError(`--config: ${path} cannot be found`);
  return await configOf(path, source);
}

/** The folder where the operating system wants a user's settings; null where there is no home. */
export function configDirectory({ env, os }: Pick<ConfigPlaces, "env" | "os">): string | null {
  if (os === "windows") {
    const roaming = env("APPDATA");
    return roaming ? join(roaming, "shimmy") : null;
  }
  const home = env("HOME");
  if (os === "darwin") {
    return home ? join(home, "Library", "Application Support", "shimmy") : null;
  }
  // The XDG Base Directory specification: a relative path in the variable is to be ignored.
  const xdg = env("XDG_CONFIG_HOME");
  if (xdg && isAbsolute(xdg)) return join(xdg, "shimmy");
  return home ? join(home, ".config", "shimmy") : null;
}

async function configOf(path: string, source: string): Promise<Config> {
  const { toConfig } = await import("./schema.ts");
  try {
    return toConfig(path, source, { ...GLOBAL_OPTIONS, ...SERVE_OPTIONS });
  } catch (error) {
    throw new UsageError(`${basename(path)}: ${messageOf(error)}`);
  }
}

/** A file's text; null where there is no such file. */
async function textOf(path: string): Promise<string | null> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    if (error instanceof Deno.errors.NotCapable) throw error;
    throw new UsageError(`${basename(path)}: cannot be read: ${messageOf(error)}`);
  }
}
