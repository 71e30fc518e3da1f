import { dirname, join } from "node:path";
import { hashFile } from "../../hash_file.ts";

/** Name of the file that lists the files of a complete folder. */
export const MANIFEST = "manifest.json";

/** Expected file of a folder. */
export interface ManifestFile {
  readonly name: string;
  /** Size in bytes. */
  readonly size: number;
  readonly sha256: string;
  /**
   * Modification time in milliseconds since the epoch. A file with another time is hashed and
   * compared.
   */
  readonly modified: number | null;
}

export interface Manifest {
  readonly files: readonly ManifestFile[];
}

/**
 * Makes a manifest of the files in a folder, without subfolders.
 *
 * @param times Whether to record modification times, which let later checks skip hashing.
 */
export async function describeFolder(folder: string, times: boolean): Promise<Manifest> {
  const files: ManifestFile[] = [];
  for await (const { name, isFile } of Deno.readDir(folder)) {
    if (!isFile || name === MANIFEST) continue;
    const path = join(folder, name);
    const { size, mtime } = await Deno.stat(path);
    files.push({
      name,
      size,
      sha256: await hashFile(path),
      modified: times ? mtime?.getTime() ?? null : null,
    });
  }
  return { files: files.sort((a, b) => a.name < b.name ? -1 : 1) };
}

/** Reads a manifest. Returns `null` if it is missing or malformed. */
export async function readManifest(folder: string | URL): Promise<Manifest | null> {
  try {
    const path = folder instanceof URL ? new URL(MANIFEST, folder) : join(folder, MANIFEST);
    const { files } = JSON.parse(await Deno.readTextFile(path));
    return Array.isArray(files) && files.length > 0 && files.every(isManifestFile)
      ? { files }
      : null;
  } catch {
    return null;
  }
}

function isManifestFile(file: Partial<ManifestFile> | null): file is ManifestFile {
  return /^[\w.+-]+$/.test(String(file?.name)) && typeof file?.size === "number" &&
    typeof file.sha256 === "string";
}

/** True if a folder made by {@linkcode installFolder} is complete and unchanged. */
export async function isIntact(folder: string): Promise<boolean> {
  const manifest = await readManifest(folder);
  return manifest !== null && await matchesManifest(folder, manifest);
}

/** True if a folder has the files of a manifest, unchanged. */
export async function matchesManifest(folder: string, manifest: Manifest): Promise<boolean> {
  for (const { name, size, sha256, modified } of manifest.files) {
    const path = join(folder, name);
    try {
      const stat = await Deno.stat(path);
      if (stat.size !== size) return false;
      const untouched = modified !== null && stat.mtime?.getTime() === modified;
      if (!untouched && await hashFile(path) !== sha256) return false;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return false;
      throw error;
    }
  }
  return true;
}

/**
 * Creates a folder atomically: fills a temporary folder beside it, writes the manifest, and renames
 * the folder. If several processes do so at once, one succeeds and the others use its folder.
 *
 * @param fill Writes the files, without subfolders, and may check them.
 */
export async function installFolder(
  folder: string,
  fill: (temporary: string) => Promise<void>,
): Promise<void> {
  await Deno.mkdir(dirname(folder), { recursive: true });
  await removeStale(folder);
  const temporary = `${folder}${PARTIAL_SUFFIX}${crypto.randomUUID()}`;
  try {
    await Deno.mkdir(temporary);
    await fill(temporary);
    const manifest = await describeFolder(temporary, true);
    for (const { name } of manifest.files) await flush(join(temporary, name));
    await Deno.writeTextFile(join(temporary, MANIFEST), JSON.stringify(manifest, null, 1));
    await flush(join(temporary, MANIFEST));
    await moveInto(temporary, folder);
  } finally {
    await removeFolder(temporary);
  }
}

const PARTIAL_SUFFIX = ".partial-";

/** After a power failure, a renamed file is empty if its bytes were not synced. */
async function flush(path: string): Promise<void> {
  using file = await Deno.open(path, { read: true, write: true });
  await file.sync();
}

async function moveInto(temporary: string, folder: string): Promise<void> {
  for (let attempt = 0;; attempt++) {
    try {
      return await Deno.rename(temporary, folder);
    } catch (error) {
      if (attempt === 3 || !await exists(folder)) throw error;
    }
    if (await isIntact(folder)) return;
    // The existing folder is damaged. It is renamed to a name that nobody opens.
    const aside = `${folder}${PARTIAL_SUFFIX}${crypto.randomUUID()}`;
    await Deno.rename(folder, aside).catch(ignoreMissing);
    await removeFolder(aside);
  }
}

const STALE_AFTER_MS = 24 * 60 * 60 * 1000;

/** Removes temporary folders of crashed processes. */
async function removeStale(folder: string): Promise<void> {
  const parent = dirname(folder);
  const prefix = `${folder.slice(parent.length).replace(/^[\\/]/, "")}${PARTIAL_SUFFIX}`;
  for await (const { name } of Deno.readDir(parent)) {
    if (!name.startsWith(prefix)) continue;
    const path = join(parent, name);
    const { mtime } = await Deno.stat(path).catch(() => ({ mtime: null }));
    if (mtime && Date.now() - mtime.getTime() > STALE_AFTER_MS) await removeFolder(path);
  }
}

async function removeFolder(path: string): Promise<void> {
  await Deno.remove(path, { recursive: true }).catch(ignoreMissing);
}

function ignoreMissing(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
