import { join, resolve } from "@std/path";
import { ENGINE_COMMAND, ENGINE_MODULE } from "../../engine/process/engine_program.ts";
import { type OwnCommand, ownCommand } from "../../own_command.ts";
import { cacheDirectory } from "../../runtime/library/paths.ts";
import type { GlobalValues } from "../options/mod.ts";

/** The folder of the prefix cache on disk. */
export function diskCacheFolder(
  { "disk-cache-dir": given }: Pick<GlobalValues, "disk-cache-dir">,
  cacheFolder: () => string,
): string {
  return given === null ? join(cacheFolder(), "prefixes") : resolve(given);
}

/** The folder of saved sessions. */
export function sessionFolder(env: (name: string) => string | undefined): string {
  return join(cacheDirectory(env), "sessions");
}

/**
 * The command of a model's process, which may write only saved sessions and its prefix cache.
 * @param diskCache the folder of the prefix cache on disk, if there is one.
 */
export function engineCommand(
  env: (name: string) => string | undefined,
  diskCache: string | undefined,
): OwnCommand {
  const folders = [sessionFolder(env), ...(diskCache === undefined ? [] : [diskCache])];
  // A comma separates folders; two commas stand for a comma in a name.
  const list = folders.map((folder) => folder.replaceAll(",", ",,")).join();
  const rights = [`--allow-write=${list}`];
  return ownCommand(ENGINE_COMMAND, ENGINE_MODULE, { rights, optimizesEarly: true });
}
