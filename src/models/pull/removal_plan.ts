import { basename, dirname, join, relative, sep } from "node:path";
import { sizeOf } from "../../download/mod.ts";
import { ShimmyError } from "../../errors.ts";
import type { ModelEntry } from "../entry/mod.ts";
import {
  isProjectorName,
  MANIFEST_DEPTH,
  manifestFiles,
  storeName,
  walk,
} from "../discovery/mod.ts";

/** Files to remove from a store where models share files. */
export interface RemovalPlan {
  readonly files: readonly string[];
  /** The files that show whether Shimmy pulled the model. */
  readonly ownedFiles: readonly string[];
  /** Files beside the model that no other model needs: its projector. */
  readonly companions: readonly string[];
  /** Removes folders that have become empty. */
  readonly cleanUp: () => Promise<void>;
}

/** Maximum depth of folders in a repository. */
const SNAPSHOT_DEPTH = 16;

/** True if a path lies within a folder. */
export function isInside(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way !== "" && way !== path && way.split(sep)[0] !== "..";
}

/**
 * Plans a removal from the Hugging Face cache: the blobs of a model and its links in every
 * snapshot. Any remaining link would list the model again. The projector is not
 * needed after the last model of a repository.
 *
 * @param written Paths that Shimmy wrote. Where links are forbidden, they identify the blob.
 */
export async function planCacheRemoval(
  entry: ModelEntry,
  cache: string,
  written: readonly string[],
): Promise<RemovalPlan> {
  const repository = join(cache, relative(cache, entry.paths[0]!).split(sep)[0]!);
  const snapshots = join(repository, "snapshots");
  const linked = (await walk(snapshots, SNAPSHOT_DEPTH)).files;
  const found = await linksAndBlobs(entry.paths, linked, repository, written);
  const isLast = linked.every((path) => found.paths.includes(path) || isProjectorName(path));
  const { projector } = entry;
  const more = isLast && projector !== undefined && isInside(projector, snapshots)
    ? await linksAndBlobs([projector], linked, repository, written)
    : { paths: [], blobs: [] };
  const paths = [...found.paths, ...more.paths];
  const files = [...found.paths, ...found.blobs];
  return {
    files,
    ownedFiles: files,
    companions: [...more.paths, ...more.blobs],
    cleanUp: async () => {
      for (const path of paths) await removeEmpty(dirname(path), snapshots);
      await removeDeadRefs(repository);
      for (const folder of ["snapshots", "refs", "blobs"]) {
        await removeEmpty(join(repository, folder), cache);
      }
    },
  };
}

/** Links and blobs of files in the Hugging Face cache. */
interface LinkedFiles {
  readonly paths: readonly string[];
  readonly blobs: readonly string[];
}

/**
 * The blobs of files and the links to them in every snapshot.
 *
 * @param linked every file of all snapshots
 */
async function linksAndBlobs(
  named: readonly string[],
  linked: readonly string[],
  repository: string,
  written: readonly string[],
): Promise<LinkedFiles> {
  const store = await realPath(join(repository, "blobs"));
  const blobs = new Set<string>();
  for (const path of named) {
    const real = await realPath(path);
    if (isInside(real, store)) {
      blobs.add(real);
      continue;
    }
    const size = await sizeOf(real);
    for (const own of written) {
      if (isInside(own, store) && await sizeOf(own) === size) blobs.add(own);
    }
  }
  const paths = [...named];
  for (const path of linked) {
    if (!paths.includes(path) && blobs.has(await realPath(path))) paths.push(path);
  }
  return { paths, blobs: [...blobs] };
}

/** Hugging Face's tools report the cache as broken if a ref points to a missing commit. */
async function removeDeadRefs(repository: string): Promise<void> {
  const refs = join(repository, "refs");
  for (const path of await filesUnder(refs)) {
    const commit = (await Deno.readTextFile(path).catch(() => "")).trim();
    if (commit === "" || await exists(join(repository, "snapshots", commit))) continue;
    await Deno.remove(path);
    await removeEmpty(dirname(path), refs);
  }
}

/**
 * Paths of the files in a folder and its subfolders. Branch names with slashes are nested folders.
 */
async function filesUnder(folder: string): Promise<string[]> {
  const paths = (await namesIn(folder)).map((name) => join(folder, name));
  const nested = paths.map(async (path) =>
    (await Deno.lstat(path)).isDirectory ? await filesUnder(path) : [path]
  );
  return (await Promise.all(nested)).flat();
}

/**
 * Plans a removal from Ollama's store: the manifest of one tag, and the blobs that no other
 * manifest needs.
 */
export async function planStoreRemoval(entry: ModelEntry, asked: string): Promise<RemovalPlan> {
  const store = dirname(dirname(entry.paths[0]!));
  const root = join(store, "manifests");
  const manifests = (await manifestFiles(root, MANIFEST_DEPTH)).map((path) => ({
    path,
    name: storeName(relative(root, path).split(sep)),
  }));
  const wanted = [asked.toLowerCase(), `${asked.toLowerCase()}:latest`, entry.name];
  const manifest = wanted.map((name) => manifests.find((one) => one.name === name))
    .find((one) => one !== undefined);
  if (manifest === undefined) {
    throw new ShimmyError("not_found", `Model '${asked}' not found`, { field: "model" });
  }
  const rest = manifests.filter((one) => one !== manifest);
  const needed = new Set((await Promise.all(rest.map(({ path }) => blobsOf(path)))).flat());
  const unused = (await blobsOf(manifest.path)).filter((name) => !needed.has(name));
  const blobs = unused.map((name) => join(store, "blobs", name));
  const exist = await Promise.all(blobs.map(exists));
  return {
    files: [manifest.path, ...blobs.filter((_, i) => exist[i])],
    ownedFiles: [manifest.path],
    companions: [],
    cleanUp: () => removeEmpty(dirname(manifest.path), root),
  };
}

/** File names of the blobs of a manifest. A broken manifest has none. */
async function blobsOf(path: string): Promise<string[]> {
  const text = await Deno.readTextFile(path).catch(() => "");
  const digests = text.matchAll(/"sha256[:-]([0-9a-f]{64})"/g);
  return [...new Set([...digests].map((match) => `sha256-${match[1]}`))];
}

/** Removes empty folders from `folder` upwards until `stays`. */
async function removeEmpty(folder: string, stays: string): Promise<void> {
  for (let at = folder; isInside(at, stays); at = dirname(at)) {
    if ((await namesIn(at)).length > 0) return;
    try {
      await Deno.remove(at);
    } catch {
      // The folder is already removed, or another process has added a file.
    }
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name);
  } catch {
    return [];
  }
}

async function exists(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => true, () => false);
}

async function realPath(path: string): Promise<string> {
  return await Deno.realPath(path).catch(() => join(dirname(path), basename(path)));
}
