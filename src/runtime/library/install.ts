import { dirname, join } from "@std/path";
import { hashFile } from "../../download/mod.ts";

/** The file that says what a folder must hold to be whole. */
export const MANIFEST = "manifest.json";

/** What a file of the folder must be. */
export interface ManifestFile {
  readonly name: string;
  /** In bytes. */
  readonly size: number;
  readonly sha256: string;
  /** Milliseconds since the epoch, as written; a file with another time is read and compared. */
  readonly modified: number | null;
}

export interface Manifest {
  readonly files: readonly ManifestFile[];
}

/**
 * Describes the files of a folder; folders in it are left out.
 *
 * @param times whether to keep the files' times, by which later checks skip reading them
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

/** Reads a manifest, or `null` where it is missing or not one. */
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

/** Whether a folder that {@linkcode installFolder} made is still exactly what it was. */
export async function isIntact(folder: string): Promise<boolean> {
  const manifest = await readManifest(folder);
  return manifest !== null && await holds(folder, manifest);
}

/** Whether a folder holds the files of a manifest, unchanged. */
export async function holds(folder: string, manifest: Manifest): Promise<boolean> {
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
 * Makes a folder appear whole or not at all: fills one with a temporary name beside it, writes the
 * manifest, and renames. Several processes may do it at once; one wins and the others take its folder.
 *
 * @param fill writes the files, none of them in a folder of its own, and may check them
 */
export async function installFolder(
  folder: string,
  fill: (temporary: string) => Promise<void>,
): Promise<void> {
  await Deno.mkdir(dirname(folder), { recursive: true });
  await removeAbandoned(folder);
  const temporary = `${folder}${PARTIAL}${crypto.randomUUID()}`;
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

const PARTIAL = ".partial-";

/** After a power cut a renamed file whose bytes were not on the disk yet would be empty. */
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
    // What lies there is broken: out of the way under a name that nobody opens.
    const aside = `${folder}${PARTIAL}${crypto.randomUUID()}`;
    await Deno.rename(folder, aside).catch(ignoreMissing);
    await removeFolder(aside);
  }
}

const ABANDONED_AFTER_MS = 24 * 60 * 60 * 1000;

/** Removes what processes that died left behind. */
async function removeAbandoned(folder: string): Promise<void> {
  const parent = dirname(folder);
  const prefix = `${folder.slice(parent.length).replace(/^[\\/]/, "")}${PARTIAL}`;
  for await (const { name } of Deno.readDir(parent)) {
    if (!name.startsWith(prefix)) continue;
    const path = join(parent, name);
    const { mtime } = await Deno.stat(path).catch(() => ({ mtime: null }));
    if (mtime && Date.now() - mtime.getTime() > ABANDONED_AFTER_MS) await removeFolder(path);
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
