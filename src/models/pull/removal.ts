import { basename, dirname, join, relative, sep } from "node:path";
import { removeIfThere } from "../../download/mod.ts";
import { ShimmyError } from "../../errors.ts";
import type { ModelEntry } from "../entry/mod.ts";
import { huggingFaceCache, storeName } from "../discovery/mod.ts";
import { isInside, planCacheRemoval, planStoreRemoval, type RemovalPlan } from "./removal_plan.ts";
import type { PullEnvironment } from "./plan.ts";
import type { Records } from "./records.ts";

/** The removal of a model. Creating it removes nothing. */
export interface Removal {
  /** Paths of the files to remove. */
  readonly files: readonly string[];
  /** Bytes that the removal frees. */
  readonly bytes: number;
  /** True if Shimmy wrote the files. Otherwise another program may need them. */
  readonly owned: boolean;
  readonly run: () => Promise<void>;
}

/**
 * Plans the removal of a model. In shared caches and stores, only files that no other model needs
 * are removed.
 *
 * @param asked The name or tag to remove. Other tags of the same model in Ollama's store stay.
 * @throws {ShimmyError} `invalid` if the model is built in.
 */
export async function planRemoval(
  entry: ModelEntry,
  asked: string,
  environment: PullEnvironment,
  records: Records,
): Promise<Removal> {
  if (entry.source === "builtin") {
    throw new ShimmyError("invalid", `Cannot remove ${entry.name}: it is built in`);
  }
  return await removalOf(entry, asked, {
    environment,
    records,
    written: await writtenPaths(records),
  });
}

/** What tells which files Shimmy wrote, read once for several models. */
interface Place {
  readonly environment: PullEnvironment;
  readonly records: Records;
  readonly written: ReadonlyMap<string, string>;
}

async function removalOf(
  entry: ModelEntry,
  asked: string,
  { environment, records, written }: Place,
): Promise<Removal> {
  const cache = huggingFaceCache(environment);
  const plan = entry.source === "ollama"
    ? await planStoreRemoval(entry, asked)
    : cache !== null && isInside(entry.paths[0]!, cache)
    ? await planCacheRemoval(entry, cache, [...written.keys()])
    : plainRemoval(entry.paths);
  const areOwned = async (paths: readonly string[]) =>
    (await Promise.all(paths.map(resolvedPath))).every((path) => written.has(path));
  const owned = await areOwned(plan.ownedFiles);
  // Without a question to the user, only files that Shimmy wrote are removed.
  const companions = !owned || await areOwned(plan.companions) ? plan.companions : [];
  const files = [...plan.files, ...companions];
  const sizes = await Promise.all(files.map(fileSize));
  return {
    files,
    bytes: sizes.reduce((sum, size) => sum + size, 0),
    owned,
    run: async () => {
      const names = await Promise.all(files.map(resolvedPath));
      for (const path of files) await removeIfThere(path);
      await plan.cleanUp();
      // Records hold the paths as they were written.
      await records.forget(new Set(names.map((name) => written.get(name) ?? name)));
    },
  };
}

/** The removal of files in a folder, where a projector may belong to the user. */
function plainRemoval(paths: readonly string[]): RemovalPlan {
  return { files: paths, ownedFiles: paths, companions: [], cleanUp: () => Promise.resolve() };
}

/**
 * The names of the models whose files Shimmy wrote: their removal needs no consent. It is for lists of
 * models, and reads only what Shimmy has written down where that is enough.
 */
export async function pulledModels(
  entries: readonly ModelEntry[],
  environment: PullEnvironment,
  records: Records,
): Promise<ReadonlySet<string>> {
  const written = await writtenPaths(records);
  const place = { environment, records, written };
  const names = entries.map(async (entry) => {
    if (!await mayBePulled(entry, [...written.keys()])) return [];
    const removal = await removalOf(entry, entry.name, place).catch(() => null);
    return removal?.owned ? [entry.name] : [];
  });
  return new Set((await Promise.all(names)).flat());
}

/** Whether Shimmy wrote the first file of a model, or its manifest in Ollama's store. */
async function mayBePulled(
  { source, paths: [first], name }: ModelEntry,
  written: readonly string[],
): Promise<boolean> {
  if (source === "builtin" || first === undefined || written.length === 0) return false;
  if (source !== "ollama") return written.includes(await resolvedPath(first));
  const manifests = await resolvedPath(join(dirname(dirname(first)), "manifests", "x"));
  const root = dirname(manifests);
  return written.some((path) =>
    isInside(path, root) && storeName(relative(root, path).split(sep)) === name
  );
}

/** The paths that Shimmy wrote, keyed by the path with real folders. */
async function writtenPaths(records: Records): Promise<ReadonlyMap<string, string>> {
  const paths = (await records.list()).flatMap((record) => record.written);
  const named = paths.map(async (path) => [await resolvedPath(path), path] as const);
  return new Map(await Promise.all(named));
}

/** The path with its folder resolved. A link at the end of the path is not followed. */
async function resolvedPath(path: string): Promise<string> {
  const folder = await Deno.realPath(dirname(path)).catch(() => dirname(path));
  return join(folder, basename(path));
}

/** Size of a file in bytes; 0 for a link. */
async function fileSize(path: string): Promise<number> {
  const info = await Deno.lstat(path).catch(() => null);
  return info?.isFile ? info.size : 0;
}
