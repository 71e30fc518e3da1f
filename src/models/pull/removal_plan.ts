import { basename, dirname, join, relative, SEPARATOR } from "@std/path";
import { sizeOf } from "../../download/mod.ts";
import { ShimmyError } from "../../errors.ts";
import type { ModelEntry } from "../entry/mod.ts";
import { MANIFEST_DEPTH, manifestFiles, storeName, walk } from "../discovery/mod.ts";

/** Files of a model that go, in a place where models share files. */
export interface Doomed {
  readonly files: readonly string[];
  /** The files that say whose the model is. */
  readonly marks: readonly string[];
  /** Removes folders that are empty then. */
  readonly afterwards: () => Promise<void>;
}

/** Folders in a repository are rarely nested at all. */
const SNAPSHOT_DEPTH = 16;

/** True when a path leads into a folder. */
export function isInside(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way !== "" && way !== path && way.split(SEPARATOR)[0] !== "..";
}

/**
 * In the Hugging Face cache: the blobs of a model, and its names in every snapshot, as each of them
 * would bring it back.
 *
 * @param written paths that Shimmy wrote; where links are forbidden, they tell which blob is meant
 */
export async function doomedInCache(
  entry: ModelEntry,
  cache: string,
  written: readonly string[],
): Promise<Doomed> {
  const repository = join(cache, relative(cache, entry.paths[0]!).split(SEPARATOR)[0]!);
  const snapshots = join(repository, "snapshots");
  const store = await realPath(join(repository, "blobs"));
  const blobs = new Set<string>();
  for (const path of entry.paths) {
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
  const paths = [...entry.paths];
  for (const path of (await walk(snapshots, SNAPSHOT_DEPTH)).files) {
    if (!paths.includes(path) && blobs.has(await realPath(path))) paths.push(path);
  }
  const files = [...paths, ...blobs];
  return {
    files,
    marks: files,
    afterwards: async () => {
      for (const path of paths) await removeEmpty(dirname(path), snapshots);
      await removeDeadRefs(repository);
      for (const folder of ["snapshots", "refs", "blobs"]) {
        await removeEmpty(join(repository, folder), cache);
      }
    },
  };
}

/** References to commits of which nothing is there make Hugging Face's tools call the cache broken. */
async function removeDeadRefs(repository: string): Promise<void> {
  const refs = join(repository, "refs");
  for (const path of await filesUnder(refs)) {
    const commit = (await Deno.readTextFile(path).catch(() => "")).trim();
    if (commit === "" || await exists(join(repository, "snapshots", commit))) continue;
    await Deno.remove(path);
    await removeEmpty(dirname(path), refs);
  }
}

/** Paths of the files in a folder and those in it: branches may have slashes in their names. */
async function filesUnder(folder: string): Promise<string[]> {
  const paths = (await namesIn(folder)).map((name) => join(folder, name));
  const nested = paths.map(async (path) =>
    (await Deno.lstat(path)).isDirectory ? await filesUnder(path) : [path]
  );
  return (await Promise.all(nested)).flat();
}

/** In Ollama's store: the manifest of one name, and the blobs that no other manifest needs. */
export async function doomedInStore(entry: ModelEntry, asked: string): Promise<Doomed> {
  const store = dirname(dirname(entry.paths[0]!));
  const root = join(store, "manifests");
  const manifests = (await manifestFiles(root, MANIFEST_DEPTH)).map((path) => ({
    path,
    name: storeName(relative(root, path).split(SEPARATOR)),
  }));
  const wanted = [asked.toLowerCase(), `${asked.toLowerCase()}:latest`, entry.name];
  const manifest = wanted.map((name) => manifests.find((one) => one.name === name))
    .find((one) => one !== undefined);
  if (manifest === undefined) {
    throw new ShimmyError("not_found", `Model '${asked}' not found`, { field: "model" });
  }
  const rest = manifests.filter((one) => one !== manifest);
  const needed = new Set((await Promise.all(rest.map(({ path }) => blobsOf(path)))).flat());
  const gone = (await blobsOf(manifest.path)).filter((name) => !needed.has(name));
  const blobs = gone.map((name) => join(store, "blobs", name));
  const there = await Promise.all(blobs.map(exists));
  return {
    files: [manifest.path, ...blobs.filter((_, i) => there[i])],
    marks: [manifest.path],
    afterwards: () => removeEmpty(dirname(manifest.path), root),
  };
}

/** File names of the blobs that a manifest needs; a broken manifest needs none. */
async function blobsOf(path: string): Promise<string[]> {
  const text = await Deno.readTextFile(path).catch(() => "");
  const digests = text.matchAll(/"sha256[:-]([0-9a-f]{64})"/g);
  return [...new Set([...digests].map((match) => `sha256-${match[1]}`))];
}

/** Removes a folder and those above it, up to one that stays, as long as they are empty. */
async function removeEmpty(folder: string, stays: string): Promise<void> {
  for (let at = folder; isInside(at, stays); at = dirname(at)) {
    if ((await namesIn(at)).length > 0) return;
    try {
      await Deno.remove(at);
    } catch {
      // It is gone already, or somebody has just put something there.
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
