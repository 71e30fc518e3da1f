import { join } from "@std/path";
import { isGgufPath, type SkippedFile } from "../../entry/mod.ts";
import { reasonOf } from "../../gguf/mod.ts";

/** Levels of folders beneath a place that are looked into. */
export const MAX_DEPTH = 4;

/** What lies beneath a folder. */
export interface Walked {
  /** Paths of GGUF files, sorted within each folder, a folder's own files before those beneath it. */
  readonly files: readonly string[];
  /** Folders that could not be read. */
  readonly skipped: readonly SkippedFile[];
}

/**
 * Every GGUF file in a folder and in the folders beneath it, to a depth. Links are followed, each
 * folder is entered once, and names that begin with a dot are passed over: downloads keep their
 * unfinished parts there.
 */
export async function walk(root: string, depth: number = MAX_DEPTH): Promise<Walked> {
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

/** A link that leads nowhere counts as a file, so that it is reported where its name says GGUF. */
async function isFolder(entry: Deno.DirEntry, path: string): Promise<boolean> {
  if (!entry.isSymlink) return entry.isDirectory;
  try {
    return (await Deno.stat(path)).isDirectory;
  } catch {
    return false;
  }
}
