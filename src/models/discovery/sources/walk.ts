import { join } from "node:path";
import { isGgufPath, type SkippedFile } from "../../entry/mod.ts";
import { reasonOf } from "../../gguf/mod.ts";

/** Levels of subfolders that a scan enters. */
export const MAX_DEPTH = 4;

/** Result of walking a folder. */
export interface WalkResult {
  /**
   * Paths of GGUF files, sorted within each folder. A folder's own files precede those of its
   * subfolders.
   */
  readonly files: readonly string[];
  /** Folders that could not be read. */
  readonly skipped: readonly SkippedFile[];
}

/**
 * Lists the GGUF files in a folder and its subfolders up to a depth. It follows links and enters
 * each folder once. It ignores names that begin with a dot, because downloads keep incomplete files
 * there.
 */
export async function walk(root: string, depth: number = MAX_DEPTH): Promise<WalkResult> {
  const files: string[] = [];
  const skipped: SkippedFile[] = [];
  const entered = new Set<string>();

  async function enter(folder: string, levels: number): Promise<void> {
    const folders: string[] = [];
    try {
      const real = await Deno.realPath(folder);
      if (entered.has(real)) return;
      entered.add(real);
      const entries = await Array.fromAsync(Deno.readDir(folder));
      entries.sort((a, b) => a.name < b.name ? -1 : 1);
      for (const entry of entries) {
        if (entry.name.startsWith(".")) continue;
        const path = join(folder, entry.name);
        if (await isFolder(entry, path)) folders.push(path);
        else if (isGgufPath(entry.name)) files.push(path);
      }
    } catch (error) {
      skipped.push({ path: folder, reason: reasonOf(error), kind: "broken" });
    }
    if (levels === 0) return;
    for (const path of folders) await enter(path, levels - 1);
  }

  await enter(root, depth);
  return { files, skipped };
}

/**
 * True for a folder and for a link to one. A broken link counts as a file, so that it is reported if
 * its name ends in `.gguf`.
 */
export async function isFolder(entry: Deno.DirEntry, path: string): Promise<boolean> {
  if (!entry.isSymlink) return entry.isDirectory;
  try {
    return (await Deno.stat(path)).isDirectory;
  } catch {
    return false;
  }
}
