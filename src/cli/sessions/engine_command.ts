import { join, resolve } from "node:path";
import { ENGINE_COMMAND, ENGINE_MODULE } from "../../engine/process/engine_program.ts";
import type { BucketLocation, SharedCacheLocation } from "../../engine/protocol/mod.ts";
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
 * The command of a model's process, which may write only saved sessions and its prefix caches.
 * @param diskCache the folder of the prefix cache on disk, if there is one.
 * @param sharedCache the prefixes that servers share, if there are any. A bucket is the only host that the
 * process may connect to.
 */
export function engineCommand(
  env: (name: string) => string | undefined,
  diskCache: string | undefined,
  sharedCache: SharedCacheLocation | undefined,
): OwnCommand {
  const shared = sharedCache !== undefined && "folder" in sharedCache
    ? sharedCache.folder
    : undefined;
  const given = [diskCache, shared].filter((folder) => folder !== undefined);
  const folders = [sessionFolder(env), ...given];
  // A comma separates folders; two commas stand for a comma in a name.
  const list = folders.map((folder) => folder.replaceAll(",", ",,")).join();
  const rights = [`--allow-write=${list}`];
  if (sharedCache !== undefined && "bucket" in sharedCache) {
    rights.push(`--allow-net=${hostOf(sharedCache.bucket)}`);
  }
  return ownCommand(ENGINE_COMMAND, ENGINE_MODULE, { rights, optimizesEarly: true });
}

/** The host and port of a bucket's server. */
function hostOf({ endpoint }: BucketLocation): string {
  const { hostname, port, protocol } = new URL(endpoint);
  return `${hostname}:${port || (protocol === "https:" ? 443 : 80)}`;
}
