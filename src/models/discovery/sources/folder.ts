import { basename, dirname, join, resolve } from "@std/path";
import { gatherShards, modelName, type ModelSource } from "../../entry/mod.ts";
import { type Candidate, type Finding, folderExists, NOTHING, type Place } from "./source.ts";
import { MAX_DEPTH, walk } from "./walk.ts";

/** A folder of GGUF files, with folders beneath it. */
export function folderPlace(path: string, source: ModelSource, depth = MAX_DEPTH): Place {
  return { path, source, look: () => lookInFolder(path, depth) };
}

/** The models in a folder, named after their files. */
export async function lookInFolder(path: string, depth = MAX_DEPTH): Promise<Finding> {
  if (!await folderExists(path)) return NOTHING;
  const { files, skipped } = await walk(path, depth);
  const gathered = gatherShards(files);
  return {
    exists: true,
    candidates: gathered.models.map((paths) => candidateOf(paths)),
    skipped: [...skipped, ...gathered.skipped],
  };
}

/** A candidate named after its file and told apart by a qualifier, its folder's name unless given. */
export function candidateOf(
  paths: readonly string[],
  qualifier: string = basename(dirname(resolve(paths[0]!))),
): Candidate {
  return { paths, name: modelName(paths[0]!), qualifier: qualifier.toLowerCase() };
}

/**
 * A list of folders as `--model-dirs` and `SHIMMY_MODEL_PATHS` give it: separated by `;`, and where
 * drive letters do not need it by `:` too. A leading `~` is the home folder.
 */
export function splitFolders(
  list: string,
  { os, home, cwd }: { os: typeof Deno.build.os; home: string | undefined; cwd: string },
): string[] {
  return list.split(os === "windows" ? ";" : /[;:]/)
    .map((part) => part.trim())
    .filter((part) => part !== "")
    .map((part) => home !== undefined && /^~(?=$|[/\\])/.test(part) ? home + part.slice(1) : part)
    .map((part) => resolve(cwd, part));
}

/** Shimmy's own customary folders: `./models`, `~/models` and `~/.local/share/shimmy/models`. */
export function customaryFolders(
  { home, cwd }: { home: string | undefined; cwd: string },
): string[] {
  const own = join(cwd, "models");
  if (home === undefined) return [own];
  return [own, join(home, "models"), join(home, ".local", "share", "shimmy", "models")];
}
