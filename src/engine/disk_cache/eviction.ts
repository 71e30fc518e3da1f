import { join } from "node:path";
import { parseName } from "./file_name.ts";
import { CannotSave, UNFINISHED, UNFINISHED_MS } from "./write_state.ts";

/** Bounds of a cache folder in bytes. */
export interface DiskLimits {
  /** Of the files of one model. */
  readonly model: number;
  /** Of all files, also those of other models and servers. */
  readonly total: number;
}

/** A file that may be evicted. */
export interface EvictableFile {
  readonly name: string;
  readonly model: string;
  readonly size: number;
  readonly computeMs: number;
  /** Time of the last use in milliseconds since the epoch. */
  readonly used: number;
  /** Whether a process is writing the file, or has ended meanwhile: its bytes count, but it is not evicted. */
  readonly isUnfinished?: boolean;
}

/** Files that were used in the same time are about equally recent. */
const RECENT_MS = 60_000;

/**
 * Usefulness of a file: time that it saves for each byte, less the longer it was not used. The least useful
 * file is evicted first.
 */
export function usefulness({ size, computeMs, used }: EvictableFile, now: number): number {
  return computeMs / size / (Math.max(0, now - used) + RECENT_MS);
}

/**
 * Names of the files to evict, least useful first, so that a new file of `size` bytes of a model fits.
 * @returns null if it does not fit, whatever is evicted.
 */
export function chooseEvictions(
  files: readonly EvictableFile[],
  { model, size }: { readonly model: string; readonly size: number },
  limits: DiskLimits,
  now: number,
): string[] | null {
  let total = size;
  let own = size;
  for (const file of files) {
    total += file.size;
    if (file.model === model) own += file.size;
  }
  const evicted: string[] = [];
  const byUse = files.filter(({ isUnfinished }) => !isUnfinished)
    .map((file) => ({ file, value: usefulness(file, now) }))
    .sort((a, b) => a.value - b.value);
  for (const { file } of byUse) {
    const isOwn = file.model === model;
    if (total <= limits.total && (own <= limits.model || !isOwn)) continue;
    evicted.push(file.name);
    total -= file.size;
    if (isOwn) own -= file.size;
  }
  return total <= limits.total && own <= limits.model ? evicted : null;
}

/**
 * Removes files until a new one fits. A file that another process removes meanwhile is no error.
 * @returns the names of the removed files.
 * @throws {CannotSave} if it does not fit, whatever is removed; then nothing is removed.
 */
export async function makeRoom(
  folder: string,
  file: { readonly model: string; readonly size: number },
  limits: DiskLimits,
): Promise<string[]> {
  const now = Date.now();
  const files = await listFiles(folder, now).catch((error) => {
    // The folder is made when the first state is written.
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  });
  const names = chooseEvictions(files, file, limits, now);
  if (names === null) throw new CannotSave("files that are being written take its place");
  for (const name of names) await removeFile(folder, name);
  return names;
}

/** Removes a file. A file that does not exist is no error. */
export async function removeFile(folder: string, name: string): Promise<void> {
  try {
    await Deno.remove(join(folder, name));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Removes old unfinished files; lists all others. */
async function listFiles(folder: string, now: number): Promise<EvictableFile[]> {
  const files: EvictableFile[] = [];
  for await (const { name } of Deno.readDir(folder)) {
    const isUnfinished = name.endsWith(UNFINISHED);
    const parsed = parseName(isUnfinished ? name.replace(/\.[^.]+\.tmp$/, "") : name);
    if (parsed === null) continue;
    const info = await Deno.stat(join(folder, name)).catch(() => null);
    if (info === null) continue;
    const used = info.mtime?.getTime() ?? 0;
    if (isUnfinished && now - used > UNFINISHED_MS) await removeFile(folder, name);
    else files.push({ ...parsed, name, size: info.size, used, isUnfinished });
  }
  return files;
}
