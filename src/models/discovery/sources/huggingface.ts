import { join } from "node:path";
import { expandHome, groupShards, type SkippedFile } from "../../entry/mod.ts";
import { candidateOf } from "./folder.ts";
import {
  type Candidate,
  type Environment,
  folderExists,
  MISSING_SOURCE,
  type ModelSource,
  type ScanResult,
} from "./source.ts";
import { isFolder, walk } from "./walk.ts";

/**
 * The Hugging Face cache: `models--<owner>--<repository>/snapshots/<revision>/<file>`. The files
 * are links into `blobs/`. Source: https://huggingface.co/docs/huggingface_hub/guides/manage-cache
 */
export function huggingFaceSource(environment: Environment): ModelSource | null {
  const path = huggingFaceCache(environment);
  return path === null ? null : { path, kind: "huggingface", scan: () => scan(path) };
}

/** The folder of `huggingface_hub`'s cache, from its own environment variables. */
export function huggingFaceCache(
  { env, home }: Pick<Environment, "env" | "home">,
): string | null {
  const hub = env("HF_HUB_CACHE") || env("HUGGINGFACE_HUB_CACHE");
  if (hub) return expandHome(hub, home);
  const folder = huggingFaceHome({ env, home });
  return folder === null ? null : join(folder, "hub");
}

/** The folder of Hugging Face's tools, with the cache and the user's token. */
export function huggingFaceHome(
  { env, home }: Pick<Environment, "env" | "home">,
): string | null {
  const own = env("HF_HOME");
  if (own) return expandHome(own, home);
  const cache = env("XDG_CACHE_HOME") || (home === undefined ? "" : join(home, ".cache"));
  return cache === "" ? null : join(expandHome(cache, home), "huggingface");
}

async function scan(path: string): Promise<ScanResult> {
  if (!await folderExists(path)) return MISSING_SOURCE;
  const candidates: Candidate[] = [];
  const skipped: SkippedFile[] = [];
  for (const folder of await foldersIn(path)) {
    const match = /^models--(?:.*--)?(.+)$/.exec(folder);
    if (match === null) continue;
    const repository = join(path, folder);
    for (const revision of await revisions(repository)) {
      const { files, ...walked } = await walk(join(repository, "snapshots", revision));
      const groups = groupShards(files);
      skipped.push(...walked.skipped, ...groups.skipped);
      candidates.push(...groups.models.map((paths) => candidateOf(paths, match[1])));
    }
  }
  return { exists: true, candidates, skipped };
}

/**
 * Revisions of a repository. The revision of `main` comes first, so that it gets the unqualified
 * name.
 */
async function revisions(repository: string): Promise<string[]> {
  const all = await foldersIn(join(repository, "snapshots"));
  let main: string;
  try {
    main = (await Deno.readTextFile(join(repository, "refs", "main"))).trim();
  } catch {
    return all;
  }
  return all.includes(main) ? [main, ...all.filter((one) => one !== main)] : all;
}

/** Sorted names of the subfolders and links to folders. Empty if the folder cannot be read. */
async function foldersIn(path: string): Promise<string[]> {
  try {
    const names: string[] = [];
    for await (const entry of Deno.readDir(path)) {
      if (await isFolder(entry, join(path, entry.name))) names.push(entry.name);
    }
    return names.sort();
  } catch {
    return [];
  }
}
