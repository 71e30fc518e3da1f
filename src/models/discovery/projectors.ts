import { basename, dirname } from "@std/path";
import type { ModelEntry, SkippedFile } from "../entry/mod.ts";

/** A projector that was found while models were looked for. */
type Projector = SkippedFile & { readonly kind: "projector" };

/** Words of file names that tell the type of weights. */
const WEIGHTS = /[-._](?:ud-)?(?:i?q\d[\w]*|bf16|fp?16|f32|mxfp4\w*)(?=$|[-._])/gi;

/** Types of weights by preference: half precision, which all processors compute. */
const PREFERRED = [/(?<!b)fp?16/i, /q8_0/i, /bf16/i, /f32/i];

/**
 * Gives models the projectors that belong to them: that of Ollama's manifest, or one in the same folder whose
 * embeddings are as long as those of the model. Its name contains the name of the model, or no name if the
 * folder has one model only, such as `mmproj-F16.gguf`.
 */
export function withProjectors(
  models: readonly ModelEntry[],
  skipped: readonly SkippedFile[],
): ModelEntry[] {
  const projectors = skipped.filter((file): file is Projector => file.kind === "projector");
  return models.map((model) => {
    const projector = model.ollama?.projector ?? projectorOf(model, models, projectors);
    if (projector === undefined) return model;
    const reads = projectors.find(({ path }) => path === projector)?.reads;
    return { ...model, projector, ...(reads === undefined ? {} : { projectorReads: reads }) };
  });
}

function projectorOf(
  model: ModelEntry,
  models: readonly ModelEntry[],
  projectors: readonly Projector[],
): string | undefined {
  if (model.kind !== "language" || model.embeddingLength === null) return undefined;
  const folder = dirname(model.paths[0]!);
  const near = projectors.filter(({ path, embeddingLength }) =>
    dirname(path) === folder && embeddingLength === model.embeddingLength
  );
  if (near.length === 0) return undefined;
  const name = modelName(model);
  const neighbours = models.filter(({ paths }) => dirname(paths[0]!) === folder).map(modelName);
  const isAlone = neighbours.every((one) => one === name);
  const fitting = near.map(({ path }) => path).filter((path) => {
    const own = projectorName(path);
    return own === "" ? isAlone : own === name || name.startsWith(own) || own.startsWith(name);
  });
  return fitting.toSorted((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1))[0];
}

/** The name of a model's file without the type of its weights and the number of its shard. */
function modelName({ paths }: ModelEntry): string {
  const file = basename(paths[0]!).toLowerCase().replace(/\.gguf$/, "");
  return file.replace(/-\d{5}-of-\d{5}$/, "").replaceAll(WEIGHTS, "");
}

/** The name of a model in the name of a projector's file; empty if there is none. */
function projectorName(path: string): string {
  const file = basename(path).toLowerCase().replace(/\.gguf$/, "");
  const words = file.replace(/(?:^|[-._])mmproj(?=$|[-._])/, "").replaceAll(WEIGHTS, "");
  const name = words.replace(/^[-._]+|[-._]+$/g, "");
  return name === "model" || WEIGHTS.test(`-${name}`) ? "" : name;
}

function rank(path: string): number {
  const found = PREFERRED.findIndex((type) => type.test(basename(path)));
  return found < 0 ? PREFERRED.length : found;
}
