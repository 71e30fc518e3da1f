import { join } from "@std/path";
import { gatherShards, type SkippedFile } from "../../entry/mod.ts";
import { candidateOf } from "./folder.ts";
import {
  type Candidate,
  type Finding,
  folderExists,
  NOTHING,
  type Place,
  type Surroundings,
} from "./source.ts";
import { walk } from "./walk.ts";

/**
 * The Hugging Face cache: `models--<owner>--<repository>/snapshots/<revision>/<file>`, where files
 * are links into `blobs/`.
 * Source: https://huggingface.co/docs/huggingface_hub/guides/manage-cache
 */
export function huggingFacePlace(surroundings: Surroundings): Place | null {
  const path = huggingFaceCache(surroundings);
  return path === null ? null : { path, source: "huggingface", look: () => look(path) };
}

/** Where `huggingface_hub` keeps its cache, by its own environment variables. */
export function huggingFaceCache(
  { env, home }: Pick<Surroundings, "env" | "home">,
): string | null {
  const hub = env("HF_HUB_CACHE") || env("HUGGINGFACE_HUB_CACHE");
  if (hub) return hub;
  const own = env("HF_HOME");
  if (own) return join(own, "hub");
  const cache = env("XDG_CACHE_HOME") || (home === undefined ? "" : join(home, ".cache"));
  return cache === "" ? null : join(cache, "huggingface", "hub");
}

async function look(path: string): Promise<Finding> {
  if (!await folderExists(path)) return NOTHING;
  const candidates: Candidate[] = [];
  const skipped: SkippedFile[] = [];
  for (const folder of await foldersIn(path)) {
    const match = /^models--(?:.*--)?(.+)$/.exec(folder);
    if (match === null) continue;
    const repository = join(path, folder);
    for (const revision of await revisions(repository)) {
      const { files, ...walked } = await walk(join(repository, "snapshots", revision));
      const gathered = gatherShards(files);
      skipped.push(...walked.skipped, ...gathered.skipped);
      candidates.push(...gathered.models.map((paths) => candidateOf(paths, match[1])));
    }
  }
  return { exists: true, candidates, skipped };
}

/** The revisions of a repository, the one its `main` points at first, so that it gets the plain name. */
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

/** Names of the folders in a folder, sorted; none when it cannot be read. */
async function foldersIn(path: string): Promise<string[]> {
  try {
    const entries = await Array.fromAsync(Deno.readDir(path));
    return entries.filter((entry) => entry.isDirectory).map((entry) => entry.name).sort();
  } catch {
    return [];
  }
}
