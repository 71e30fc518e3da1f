import { basename, dirname } from "node:path";
import type { ModelEntry, SkippedFile } from "../entry/mod.ts";

/** A projector that was found while models were looked for. */
type Projector = SkippedFile & { readonly kind: "projector" };

/** Words of file names that tell the type of weights. */
const WEIGHTS = /[-._](?:ud-)?(?:i?q\d[\w]*|bf16|fp?16|f32|mxfp4\w*)(?=$|[-._])/gi;

/** Types of weights by preference: half precision, which all processors compute. */
const PREFERRED = [/(?<!b)fp?16/i, /q8_0/i, /bf16/i, /f32/i];

/** The word that marks a projector in a file name. */
const MARK = /(?:^|[-._])mmproj(?=$|[-._])/;

/**
 * Gives models the projectors that belong to them: that of Ollama's manifest, or one in the same folder whose
 * embeddings are as long as those of the model. In a repository of the Hugging Face cache, a projector may
 * also be in a folder above.
 *
 * @param layers the projectors of Ollama's manifests
 */
export function withProjectors(
  models: readonly ModelEntry[],
  skipped: readonly SkippedFile[],
  layers: readonly SkippedFile[],
): ModelEntry[] {
  const paths = models.map((model) => model.paths[0]!);
  return models.map((model) =>
    withProjector(model, paths, model.ollama?.projector === undefined ? skipped : layers)
  );
}

/**
 * Gives a model the projector that belongs to it, and what its header says that it reads.
 *
 * @param models the first files of the models nearby
 */
export function withProjector(
  model: ModelEntry,
  models: readonly string[],
  skipped: readonly SkippedFile[],
): ModelEntry {
  const projectors = projectorsAmong(skipped);
  const projector = model.ollama?.projector ?? projectorOf(model, models, projectors);
  if (projector === undefined) return model;
  const reads = projectors.find(({ path }) => path === projector)?.reads;
  return { ...model, projector, ...(reads === undefined ? {} : { projectorReads: reads }) };
}

/** True if a name is that of a projector by convention. */
export function isProjectorName(path: string): boolean {
  return MARK.test(basename(path).toLowerCase().replace(/\.gguf$/, ""));
}

/**
 * Chooses the projector of a model by the names of files: one with the name of the model, or one without a
 * name, such as `mmproj-F16.gguf`, if there is only one model.
 *
 * @param model its first file
 * @param models the first files of all models that the projectors may belong to
 */
export function chooseProjector(
  model: string,
  models: readonly string[],
  projectors: readonly string[],
): string | undefined {
  const name = modelName(model);
  const names = models.map(modelName);
  const fitting = projectors.filter((path) => {
    const own = projectorName(path);
    if (own === "") return names.every((one) => one === name);
    if (names.includes(own)) return own === name;
    return name.startsWith(own) || own.startsWith(name);
  });
  return fitting.toSorted((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1))[0];
}

function projectorsAmong(skipped: readonly SkippedFile[]): readonly Projector[] {
  return skipped.filter((file): file is Projector => file.kind === "projector");
}

function projectorOf(
  { kind, embeddingLength, paths, source }: ModelEntry,
  models: readonly string[],
  projectors: readonly Projector[],
): string | undefined {
  if (kind !== "language" || embeddingLength === null) return undefined;
  const path = paths[0]!;
  const folders = source === "huggingface" ? foldersToSnapshot(path) : [dirname(path)];
  for (const folder of folders) {
    const near = projectors.filter((projector) =>
      dirname(projector.path) === folder && projector.embeddingLength === embeddingLength
    );
    if (near.length === 0) continue;
    const others = models.filter((other) =>
      source === "huggingface"
        ? foldersToSnapshot(other).includes(folder)
        : dirname(other) === folder
    );
    return chooseProjector(path, others, near.map((projector) => projector.path));
  }
  return undefined;
}

/** The folder of a file in the Hugging Face cache, and those above it up to the snapshot of its revision. */
function foldersToSnapshot(path: string): string[] {
  const folders = [dirname(path)];
  while (basename(dirname(folders.at(-1)!)) !== "snapshots") {
    const above = dirname(folders.at(-1)!);
    if (above === folders.at(-1)) return folders.slice(0, 1);
    folders.push(above);
  }
  return folders;
}

/** The name of a model's file without the type of its weights and the number of its shard. */
function modelName(path: string): string {
  const file = basename(path).toLowerCase().replace(/\.gguf$/, "");
  return file.replace(/-\d{5}-of-\d{5}$/, "").replaceAll(WEIGHTS, "");
}

/** The name of a model in the name of a projector's file; empty if there is none. */
function projectorName(path: string): string {
  const file = basename(path).toLowerCase().replace(/\.gguf$/, "");
  const words = file.replace(MARK, "").replaceAll(WEIGHTS, "");
  const name = words.replace(/^[-._]+|[-._]+$/g, "");
  return name === "model" || WEIGHTS.test(`-${name}`) ? "" : name;
}

function rank(path: string): number {
  const found = PREFERRED.findIndex((type) => type.test(basename(path)));
  return found < 0 ? PREFERRED.length : found;
}
