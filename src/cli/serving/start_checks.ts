import { resolve } from "node:path";
import { ShimmyError } from "../../errors.ts";
import {
  candidateOf,
  describe,
  isModel,
  processEnvironment,
  splitFolders,
} from "../../models/discovery/mod.ts";
import { homeFolder, shardSet } from "../../models/entry/mod.ts";
import { type Address, type GlobalValues, UsageError } from "../options/mod.ts";
import type { Config } from "../config/mod.ts";
import type { Log } from "./log.ts";

/**
 * Reads the header of the default model, so that the server does not start with a model that no request
 * can use.
 *
 * @throws {ShimmyError} `backend`, with the reason and the path.
 */
export async function checkDefaultModel(path: string): Promise<void> {
  const file = resolve(path);
  const described = await describe(candidateOf(shardSet(file)), "base");
  if (isModel(described)) return;
  throw new ShimmyError(
    "backend",
    `Cannot use the default model ${described.path}: ${described.reason}`,
  );
}

/** Warns of folders of `--model-dirs` that do not exist. */
export async function warnMissingFolders(
  modelDirs: readonly string[],
  env: (name: string) => string | undefined,
  log: Pick<Log, "warn">,
): Promise<void> {
  const home = homeFolder(env);
  for (const path of splitFolders(modelDirs, { ...processEnvironment(), home })) {
    const problem = await folderProblem(path);
    if (problem !== null) log.warn(`--model-dirs: ${path} ${problem}`);
  }
}

/** Warns of options for RPC workers where no model has workers. */
export function warnUnusedWorkerOptions(
  globals: Pick<GlobalValues, "rpc" | "rpc-key" | "rpc-fallback">,
  config: Config | null,
  log: Pick<Log, "warn">,
): void {
  const models = Object.values(config?.models.models ?? {});
  if (globals.rpc.length > 0 || models.some(({ settings }) => settings.rpc?.length)) return;
  for (const option of ["rpc-key", "rpc-fallback"] as const) {
    if (globals[option]) log.warn(`--${option} has no effect without --rpc`);
  }
}

/** Why a path is no folder, to follow the path in a sentence; null if it is one. */
export async function folderProblem(path: string): Promise<string | null> {
  const info = await Deno.stat(path).catch(() => null);
  if (info?.isDirectory) return null;
  return info === null ? "does not exist" : "is not a directory";
}

/**
 * The address with its host name resolved, so that the loopback check sees what the socket is bound to.
 *
 * @param label the option in messages.
 * @throws {UsageError} for a name that cannot be resolved, or that belongs to another machine.
 */
export function resolveAddress(address: Address, label = "--bind"): Address {
  const { hostname } = address;
  if (hostname === "localhost" || hostname.includes(":") || /^\d+(\.\d+){3}$/.test(hostname)) {
    return address;
  }
  try {
    // Deno's DNS functions ignore the hosts file; a socket resolves names as the server will.
    using listener = Deno.listen({ hostname, port: 0 });
    return { ...address, hostname: listener.addr.hostname };
  } catch (error) {
    const reason = error instanceof Deno.errors.AddrNotAvailable
      ? "it is the name of another machine"
      : "the name cannot be resolved";
    throw new UsageError(
      `${label}: cannot listen on '${hostname}': ${reason}; must be auto, ADDRESS or ADDRESS:PORT`,
    );
  }
}
