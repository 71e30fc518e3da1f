import { basename, dirname, join, resolve } from "node:path";
import { expandHome, groupShards, modelName, type SourceKind } from "../../entry/mod.ts";
import {
  type Candidate,
  folderExists,
  MISSING_SOURCE,
  type ModelSource,
  type ScanResult,
} from "./source.ts";
import { MAX_DEPTH, walk } from "./walk.ts";

/** A folder of GGUF files and its subfolders. */
export function folderSource(path: string, kind: SourceKind, depth = MAX_DEPTH): ModelSource {
  return { path, kind, scan: () => scanFolder(path, depth) };
}

/** Scans a folder. Models are named after their files. */
export async function scanFolder(path: string, depth = MAX_DEPTH): Promise<ScanResult> {
  if (!await folderExists(path)) return MISSING_SOURCE;
  const { files, skipped } = await walk(path, depth);
  const groups = groupShards(files);
  return {
    exists: true,
    candidates: groups.models.map((paths) => candidateOf(paths)),
    skipped: [...skipped, ...groups.skipped],
  };
}

/**
 * Makes a candidate that is named after its file.
 *
 * @param qualifier Distinguishes models of the same name. The default is the name of the folder.
 */
export function candidateOf(
  paths: readonly string[],
  qualifier: string = basename(dirname(resolve(paths[0]!))),
): Candidate {
  return { paths, name: modelName(paths[0]!), qualifier: qualifier.toLowerCase() };
}

/**
 * Splits lists of folders as in `--model-dirs` and `SHIMMY_MODEL_PATHS`. The separator is `;`. On
 * systems without drive letters, a single list without `;` may have the separator `:` instead, as
 * `PATH` has. With a `;` or in several lists, `:` is part of a folder name. A leading `~` is the home
 * folder.
 */
export function splitFolders(
  lists: readonly string[],
  { os, home, cwd }: { os: typeof Deno.build.os; home: string | undefined; cwd: string },
): string[] {
  const isPathLike = os !== "windows" && lists.length === 1 && !lists[0]!.includes(";");
  return lists.flatMap((list) => list.split(isPathLike ? ":" : ";"))
    .map((part) => part.trim())
    .filter((part) => part !== "")
    .map((part) => resolve(cwd, expandHome(part, home)));
}

/** Shimmy's default folders: `./models`, `~/models` and `~/.local/share/shimmy/models`. */
export function defaultFolders(
  { home, cwd }: { home: string | undefined; cwd: string },
): string[] {
  const own = join(cwd, "models");
  if (home === undefined) return [own];
  return [own, join(home, "models"), join(home, ".local", "share", "shimmy", "models")];
}
