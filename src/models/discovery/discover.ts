import { pooledMap } from "@std/async/pool";
import { builtinSource } from "./builtin.ts";
import { describe, isModel } from "./describe.ts";
import { withProjectors } from "./projectors.ts";
import {
  type Discovery,
  expandHome,
  homeFolder,
  type ModelEntry,
  type SkippedFile,
} from "../entry/mod.ts";
import {
  baseFileSource,
  baseFolderSource,
  type Candidate,
  candidateOf,
  defaultFolders,
  type Environment,
  folderSource,
  huggingFaceSource,
  lmStudioSources,
  type ModelSource,
  ollamaSources,
  splitFolders,
} from "./sources/mod.ts";
import { resolve } from "node:path";

/** Headers read in parallel: enough to keep a disk busy, few enough to limit read buffers. */
const READ_AT_ONCE = 8;

/** Model locations that the user gives in addition to the default folders. */
export interface DiscoverOptions {
  /** File of the default model: `--model-path` or `SHIMMY_BASE_GGUF`. */
  readonly base?: string | undefined;
  /** Lists of folders: `--model-dirs` or `SHIMMY_MODEL_PATHS`. */
  readonly modelDirs?: readonly string[] | undefined;
  /** Returns Shimmy's cache folder, for the built-in model. */
  readonly cacheFolder: () => string;
}

/** Returns every model source in scan order. The built-in model is the last. */
export function modelSources(options: DiscoverOptions, environment: Environment): ModelSource[] {
  const base = options.base === undefined
    ? undefined
    : resolve(environment.cwd, expandHome(options.base, environment.home));
  const huggingFace = huggingFaceSource(environment);
  return onceByPath([
    ...(base === undefined ? [] : [baseFileSource(base), baseFolderSource(base)]),
    ...[
      ...splitFolders(options.modelDirs ?? [], environment),
      ...defaultFolders(environment),
    ].map((path) => folderSource(path, "folder")),
    ...(huggingFace === null ? [] : [huggingFace]),
    ...ollamaSources(environment),
    ...lmStudioSources(environment),
    builtinSource(options.cacheFolder),
  ]);
}

/** The environment of this process. */
export function processEnvironment(): Environment {
  const env = (name: string) => Deno.env.get(name);
  return { env, home: homeFolder(env), cwd: Deno.cwd(), os: Deno.build.os };
}

/**
 * Scans every source for models. It reads headers and no weights. A file that is not a model or
 * cannot be read is listed in `skipped` with the reason.
 *
 * A file is listed once, under the first source that has it; its other names become aliases. If two
 * different files have the same name, the first keeps it. The other becomes `name@folder`
 * (`name@repository` in the Hugging Face cache), with a suffix `-2` and so on if that name is taken
 * too.
 */
export async function discover(sources: readonly ModelSource[]): Promise<Discovery> {
  const scanned: Discovery["sources"][number][] = [];
  const skipped: SkippedFile[] = [];
  const models = new Models();
  const seen = new Map<string, ModelEntry | SkippedFile>();
  for (const source of sources) {
    const result = await source.scan();
    const before = models.count;
    skipped.push(...result.skipped);
    const described = pooledMap(READ_AT_ONCE, result.candidates, async (candidate) => {
      const id = await identity(candidate);
      // Skips the header of a file that is already known.
      const outcome = seen.has(id) ? null : await describe(candidate, source.kind);
      return { candidate, id, outcome };
    });
    for await (const { candidate, id, outcome } of described) {
      const known = seen.get(id);
      if (known !== undefined && isModel(known)) models.alias(known, candidate.name);
      // Another revision of a repository may link to the same projector.
      else if (known?.kind === "projector") skipped.push({ ...known, path: candidate.paths[0]! });
      if (outcome === null || known !== undefined) continue;
      if (isModel(outcome)) {
        seen.set(id, models.add(outcome, candidate.qualifier));
      } else {
        seen.set(id, outcome);
        skipped.push(outcome);
      }
    }
    scanned.push({
      path: source.path,
      source: source.kind,
      exists: result.exists,
      models: models.count - before,
    });
  }
  const others = onceByPath(skipped);
  const layers = await projectorLayers(models.list());
  return {
    models: withProjectors(models.list(), others, layers),
    skipped: others,
    sources: scanned,
  };
}

/** Reads the headers of the projectors in Ollama's manifests, which no source lists as files. */
async function projectorLayers(models: readonly ModelEntry[]): Promise<readonly SkippedFile[]> {
  const paths = new Set(models.flatMap(({ ollama }) => ollama?.projector ?? []));
  const read = await Array.fromAsync(
    pooledMap(READ_AT_ONCE, paths, (path) => describe(candidateOf([path]), "ollama")),
  );
  return read.filter((one): one is SkippedFile => !isModel(one));
}

/** Sources may overlap. A user should not read the same warning twice. */
function onceByPath<T extends { readonly path: string }>(items: readonly T[]): T[] {
  return [...new Map(items.toReversed().map((item) => [item.path, item])).values()].toReversed();
}

/**
 * Identifies a model: candidates with the same real file, the same adapters and the same settings are
 * equal.
 */
async function identity({ paths, loras = [], settings }: Candidate): Promise<string> {
  const all = [paths[0]!, ...loras.map((lora) => lora.path)];
  const own = settings === undefined ? [] : [JSON.stringify(settings)];
  return [...await Promise.all(all.map(realPath)), ...own].join("\0");
}

async function realPath(path: string): Promise<string> {
  try {
    return await Deno.realPath(path);
  } catch {
    return path;
  }
}

/** The models found so far, with unique names. */
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
