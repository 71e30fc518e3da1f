import { ShimmyError } from "../../errors.ts";
import { chooseProjector, isProjectorName } from "../discovery/mod.ts";
import { isGgufPath, shardName } from "../entry/mod.ts";

/**
 * Quantizations in order of preference if none is requested: the best balance of size and quality
 * first, then the nearest sizes.
 */
const PREFERRED = [
  "Q4_K_M",
  "UD-Q4_K_XL",
  "Q4_K_XL",
  "Q4_K_L",
  "Q4_K_S",
  "IQ4_NL",
  "IQ4_XS",
  "Q4_0",
  "Q4_1",
  "MXFP4",
  "MXFP4_MOE",
  "Q5_K_M",
  "Q5_K_S",
  "Q5_0",
  "Q5_1",
  "Q6_K",
  "Q6_K_L",
  "Q8_0",
  "Q3_K_L",
  "Q3_K_M",
  "IQ3_M",
  "Q3_K_S",
  "IQ3_XS",
  "IQ3_XXS",
  "BF16",
  "F16",
  "F32",
  "Q2_K",
  "IQ2_M",
];

/** A quantization name within a file or folder name. */
const QUANTIZATION =
  /(?:^|[-._/])((?:UD-)?(?:I?Q\d+(?:_[A-Z0-9]+)*|TQ\d_\d|MXFP4(?:_MOE)?|BF16|F16|F32))(?=$|[-._/])/gi;

/** Files that are never a model: projectors and importance matrices. */
const COMPANION = /(?:^|[-._/])(?:mmproj|imatrix)(?=$|[-._/])/i;

/**
 * Names of draft models. The names of some models contain these words too, because the model has
 * layers for multi-token prediction.
 */
const DRAFT = /(?:^|[-._/])(?:mtp|dflash|eagle3)(?=$|[-._/])/i;

/** A model in a repository: the paths of its file or of all its shards, in order. */
export interface HubModel {
  readonly paths: readonly string[];
  /** In upper case, or `null` if the name contains none. */
  readonly quantization: string | null;
}

/**
 * Chooses the requested model of a repository.
 *
 * @param paths Every file of the repository.
 * @throws {ShimmyError} `not_found` with the available models, if none or several match.
 */
export function chooseModel(
  paths: readonly string[],
  requested: {
    /** `owner/repo`, with `@revision` if one was requested. */
    readonly repository: string;
    readonly quantization: string | null;
    readonly file: string | null;
  },
): HubModel {
  const { repository, quantization, file } = requested;
  if (file !== null) return requestedFile(paths, file, repository);
  const models = modelsOf(paths);
  if (models.length === 0) {
    throw pullError(
      repository,
      "it has no GGUF files; look for a repository with a name that ends in -GGUF",
    );
  }
  if (quantization !== null) {
    const wanted = quantization.toUpperCase();
    const matching = models.filter((model) => model.quantization === wanted);
    const unslothMatches = models.filter((model) => model.quantization === `UD-${wanted}`);
    return singleModel(matching.length > 0 ? matching : unslothMatches, models, requested);
  }
  for (const wanted of PREFERRED) {
    const matching = models.filter((model) => model.quantization === wanted);
    if (matching.length > 0) return singleModel(matching, models, requested);
  }
  return singleModel(models, models, requested);
}

/**
 * The models among files. Companion files and incomplete shard sets are left out. Files with the
 * name of a draft model are left out if there is another model.
 */
export function modelsOf(paths: readonly string[]): HubModel[] {
  const present = new Set(paths);
  const models: HubModel[] = [];
  for (const path of paths) {
    if (!isGgufPath(path) || COMPANION.test(path)) continue;
    const set = setOf(path);
    if (set[0] !== path || !set.every((one) => present.has(one))) continue;
    models.push({ paths: set, quantization: quantizationIn(path) });
  }
  const main = models.filter(({ paths }) => !DRAFT.test(paths[0]!));
  return main.length > 0 ? main : models;
}

/**
 * The projector of a model in a repository: by its name, in the folder of the model or in one above.
 *
 * @param paths every file of the repository
 * @param model the first file of the model
 */
export function projectorFor(paths: readonly string[], model: string): string | undefined {
  if (isProjectorName(model)) return undefined;
  const models = modelsOf(paths).map((one) => one.paths[0]!);
  const projectors = paths.filter((path) => isGgufPath(path) && isProjectorName(path));
  for (const folder of foldersOf(model)) {
    const chosen = chooseProjector(
      model,
      models.filter((path) => foldersOf(path).includes(folder)),
      projectors.filter((path) => folderOf(path) === folder),
    );
    if (chosen !== undefined) return chosen;
  }
  return undefined;
}

function folderOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

/** The folder of a file of a repository and those above it. The repository itself is the empty text. */
function foldersOf(path: string): string[] {
  const folders = [folderOf(path)];
  while (folders.at(-1) !== "") folders.push(folderOf(folders.at(-1)!));
  return folders;
}

function setOf(path: string): string[] {
  const shard = shardName(path);
  if (shard === null) return [path];
  return Array.from({ length: shard.count }, (_, i) => shard.path(i + 1));
}

/**
 * Returns the last quantization in the name. Earlier parts of the name may be those of another
 * model.
 */
function quantizationIn(path: string): string | null {
  const found = [...path.replace(/\.gguf$/i, "").matchAll(QUANTIZATION)];
  return found.at(-1)?.[1]?.toUpperCase() ?? null;
}

function requestedFile(paths: readonly string[], file: string, repository: string): HubModel {
  const set = setOf(file);
  const missing = set.find((path) => !paths.includes(path));
  if (missing === undefined) return { paths: set, quantization: quantizationIn(file) };
  const available = paths.filter(isGgufPath);
  throw pullError(repository, `no file ${missing}; ${formatList("available:", available)}`);
}

function singleModel(
  matching: readonly HubModel[],
  models: readonly HubModel[],
  { repository, quantization }: {
    readonly repository: string;
    readonly quantization: string | null;
  },
): HubModel {
  const [first, ...more] = matching;
  if (first !== undefined && more.length === 0) return first;
  if (first === undefined) {
    const available = [...new Set(models.map((model) => model.quantization ?? model.paths[0]!))];
    throw pullError(
      repository,
      `no quantization ${quantization}; ${formatList("available:", available)}`,
    );
  }
  // If several models match, the one outside of subfolders is the main model of the repository.
  const depth = (model: HubModel) => model.paths[0]!.split("/").length;
  const shallow = matching.filter((model) => depth(model) === Math.min(...matching.map(depth)));
  if (shallow.length === 1) return shallow[0]!;
  const files = shallow.map((model) => `hf:${repository}/${model.paths[0]}`);
  throw pullError(repository, `several models match; ${formatList("specify one of", files)}`);
}

function formatList(verb: string, items: readonly string[]): string {
  if (items.length === 0) return "available: none";
  const shown = items.slice(0, 12).join(", ");
  return `${verb} ${shown}${items.length > 12 ? ` and ${items.length - 12} more` : ""}`;
}

function pullError(repository: string, reason: string): ShimmyError {
  return new ShimmyError("not_found", `Cannot pull from ${repository}: ${reason}`, {
    field: "model",
  });
}
