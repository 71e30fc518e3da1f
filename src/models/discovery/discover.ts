import { pooledMap } from "@std/async/pool";
import { builtinPlace } from "./builtin.ts";
import { describe, isModel } from "./describe.ts";
import type { Discovery, ModelEntry, SkippedFile } from "../entry/mod.ts";
import {
  baseFolderPlace,
  basePlace,
  type Candidate,
  customaryFolders,
  folderPlace,
  huggingFacePlace,
  lmStudioPlaces,
  ollamaPlaces,
  type Place,
  splitFolders,
  type Surroundings,
} from "./sources/mod.ts";
import { resolve } from "@std/path";

/** Heads read at once: enough to keep a disk busy, few enough not to hold many windows in memory. */
const READ_AT_ONCE = 8;

/** Where the user says models are, besides the customary places. */
export interface DiscoverOptions {
  /** The default model's file: `--model-path` or `SHIMMY_BASE_GGUF`. */
  readonly base?: string | undefined;
  /** A list of folders: `--model-dirs` or `SHIMMY_MODEL_PATHS`. */
  readonly modelDirs?: string | undefined;
  /** Names Shimmy's cache folder, for the built-in model. */
  readonly cacheFolder: () => string;
}

/** Every place, in the order in which they are looked at; the built-in model is the last. */
export function placesOf(options: DiscoverOptions, surroundings: Surroundings): Place[] {
  const base = options.base === undefined ? undefined : resolve(surroundings.cwd, options.base);
  const huggingFace = huggingFacePlace(surroundings);
  return onceByPath([
    ...(base === undefined ? [] : [basePlace(base), baseFolderPlace(base)]),
    ...[
      ...splitFolders(options.modelDirs ?? "", surroundings),
      ...customaryFolders(surroundings),
    ].map((path) => folderPlace(path, "folder")),
    ...(huggingFace === null ? [] : [huggingFace]),
    ...ollamaPlaces(surroundings),
    ...lmStudioPlaces(surroundings),
    builtinPlace(options.cacheFolder),
  ]);
}

/** The surroundings of this process. */
export function processSurroundings(): Surroundings {
  const env = (name: string) => Deno.env.get(name);
  const home = env("HOME") || env("USERPROFILE");
  return { env, home: home || undefined, cwd: Deno.cwd(), os: Deno.build.os };
}

/**
 * Looks for models in every place, reading heads and no weights. A file that is no model, or cannot be
 * read, is reported in `skipped` with its reason.
 *
 * The same file is listed once, under the place that came first; other names it has become aliases.
 * Of two different files with one name the first keeps it, and the other becomes `name@folder`
 * (`name@repository` in the Hugging Face cache), with `-2` and so on where that is taken too.
 */
export async function discover(places: readonly Place[]): Promise<Discovery> {
  const looked: Discovery["places"][number][] = [];
  const skipped: SkippedFile[] = [];
  const models = new Models();
  const seen = new Map<string, ModelEntry | null>();
  for (const place of places) {
    const finding = await place.look();
    const before = models.count;
    skipped.push(...finding.skipped);
    const described = pooledMap(READ_AT_ONCE, finding.candidates, async (candidate) => {
      const id = await identity(candidate);
      // Reading a head again only to find that the file is known would double the work.
      const outcome = seen.has(id) ? null : await describe(candidate, place.source);
      return { candidate, id, outcome };
    });
    for await (const { candidate, id, outcome } of described) {
      const known = seen.get(id);
      if (known) models.alias(known, candidate.name);
      if (outcome === null || seen.has(id)) continue;
      if (isModel(outcome)) {
        seen.set(id, models.add(outcome, candidate.qualifier));
      } else {
        seen.set(id, null);
        skipped.push(outcome);
      }
    }
    looked.push({
      path: place.path,
      source: place.source,
      exists: finding.exists,
      models: models.count - before,
    });
  }
  return { models: models.list(), skipped: onceByPath(skipped), places: looked };
}

/** Places may overlap, and a user should not read the same warning twice. */
function onceByPath<T extends { readonly path: string }>(items: readonly T[]): T[] {
  return [...new Map(items.toReversed().map((item) => [item.path, item])).values()].toReversed();
}

/** What makes two candidates one model: the same file, through links, under the same adapters. */
async function identity({ paths, loras = [] }: Candidate): Promise<string> {
  const all = [paths[0]!, ...loras.map((lora) => lora.path)];
  return (await Promise.all(all.map(realPath))).join("\0");
}

async function realPath(path: string): Promise<string> {
  try {
    return await Deno.realPath(path);
  } catch {
    return path;
  }
}

/** The models found so far, under names of their own. */
class Models {
  readonly #entries: ModelEntry[] = [];
  readonly #aliases = new Map<ModelEntry, string[]>();
  readonly #taken = new Set<string>();

  get count(): number {
    return this.#entries.length;
  }

  add(entry: ModelEntry, qualifier: string): ModelEntry {
    const qualified = `${entry.name}@${qualifier}`;
    let name = this.#taken.has(entry.name) ? qualified : entry.name;
    for (let i = 2; this.#taken.has(name); i++) name = `${qualified}-${i}`;
    this.#taken.add(name);
    const named = { ...entry, name };
    this.#entries.push(named);
    return named;
  }

  alias(entry: ModelEntry, name: string): void {
    if (this.#taken.has(name)) return;
    this.#taken.add(name);
    this.#aliases.set(entry, [...this.#aliases.get(entry) ?? [], name]);
  }

  list(): ModelEntry[] {
    return this.#entries.map((entry) => {
      const aliases = this.#aliases.get(entry);
      return aliases === undefined ? entry : { ...entry, aliases };
    });
  }
}
