import { basename } from "node:path";
import type { ModelEntry, SkippedFile, SourceKind } from "../entry/mod.ts";
import { type GgufHeader, quantizationName, readHeader } from "../gguf/mod.ts";
import { messageOf } from "../../errors.ts";
import type { Candidate } from "./sources/mod.ts";

/** llama.cpp's names of the architectures that produce embeddings and no text. */
const EMBEDDING_ARCHITECTURES: ReadonlySet<string> = new Set([
  "bert",
  "eurobert",
  "gemma-embedding",
  "jina-bert-v2",
  "jina-bert-v3",
  "llama-embed",
  "modern-bert",
  "neo-bert",
  "nomic-bert",
  "nomic-bert-moe",
  "t5encoder",
]);

/** `enum llama_pooling_type` of llama.h. */
const POOLING_NONE = 0;
const POOLING_RANK = 4;

/**
 * Reads a candidate's headers. Returns a model entry, or the reason why the file is not a model.
 */
export async function describe(
  candidate: Candidate,
  source: SourceKind,
): Promise<ModelEntry | SkippedFile> {
  const { name } = candidate;
  const headers: GgufHeader[] = [];
  let size = 0;
  let modified = 0;
  for (const path of candidate.paths) {
    try {
      headers.push(await readHeader(path));
      const info = await Deno.stat(path);
      size += info.size;
      modified = Math.max(modified, info.mtime?.getTime() ?? 0);
    } catch (error) {
      return await missingFile(candidate, path, source) ??
        { path, name, reason: messageOf(error), kind: "broken" };
    }
  }
  const incomplete = shardProblem(headers);
  if (incomplete !== null) {
    return { path: candidate.paths[0]!, name, reason: incomplete, kind: "shard" };
  }
  // The first shard holds the metadata of the whole model.
  const header = headers[0]!;
  const path = candidate.paths[0]!;
  const tensors = headers.reduce((sum, one) => sum + one.tensors, 0);
  const other = notAModel(header, tensors);
  if (other !== null) return { path, name, ...other };
  const architecture = text(header, "general.architecture");
  if (architecture === undefined) {
    return { path, name, reason: "its metadata has no architecture", kind: "broken" };
  }
  return {
    name: candidate.name,
    paths: candidate.paths,
    size,
    modified,
    source,
    architecture,
    quantization: quantizationName(count(header, "general.file_type"), elementsOf(headers)),
    parameters: headers.reduce((sum, one) => sum + one.parameters, 0),
    contextLength: count(header, `${architecture}.context_length`) ?? null,
    embeddingLength: count(header, `${architecture}.embedding_length`) ?? null,
    chatTemplate: candidate.settings?.chatTemplate ?? templateOf(header),
    kind: kindOf(header, architecture),
    loras: candidate.loras ?? [],
    ...(candidate.ollama === undefined ? {} : { ollama: candidate.ollama }),
    ...(candidate.settings === undefined ? {} : { settings: candidate.settings }),
  };
}

/**
 * Names a missing file of a model that has other files: a shard, or a blob of Ollama's store. Null if
 * the file exists or is the whole model.
 */
async function missingFile(
  { paths, name }: Candidate,
  path: string,
  source: SourceKind,
): Promise<SkippedFile | null> {
  const isMissing = await Deno.lstat(path).then(
    () => false,
    (error) => error instanceof Deno.errors.NotFound,
  );
  const isStored = source === "ollama";
  if (!isMissing || (paths.length === 1 && !isStored)) return null;
  return {
    path,
    name,
    reason: `its ${isStored ? "blob" : "shard"} ${basename(path)} is missing`,
    kind: isStored ? "broken" : "shard",
  };
}

/**
 * The reason why files are not all shards of one model, from the keys that `llama-gguf-split` writes.
 * Null if they are, or if no file has such keys.
 */
function shardProblem(headers: readonly GgufHeader[]): string | null {
  const total = count(headers[0]!, "split.count") ?? 0;
  if (total <= 1 && headers.length === 1) return null;
  for (const [index, header] of headers.entries()) {
    const split = count(header, "split.count");
    if (split === undefined && total === 0) continue;
    if (split !== headers.length) {
      return `one of ${split ?? 1} shards, and ${headers.length} ` +
        `${headers.length === 1 ? "was" : "were"} found; their names must be ` +
        `NAME-00001-of-${String(split ?? 1).padStart(5, "0")}.gguf and so on`;
    }
    const number = count(header, "split.no");
    if (number !== undefined && number !== index) {
      return `its shard ${index + 1} contains shard ${number + 1}`;
    }
  }
  return null;
}

/** True if the candidate is a model. */
export function isModel(described: ModelEntry | SkippedFile): described is ModelEntry {
  return "paths" in described;
}

/** Length of the embeddings of an MLP projector, which is what a projector without a type is. */
function mlpOutputs(header: GgufHeader): number | undefined {
  return (text(header, "clip.projector_type") ?? "mlp") === "mlp" ? header.projection : undefined;
}

/** Says what a GGUF file is if it is not a model, otherwise `null`. */
function notAModel(
  header: GgufHeader,
  tensors: number,
): Pick<SkippedFile, "reason" | "kind" | "embeddingLength" | "reads"> | null {
  const type = text(header, "general.type");
  if (text(header, "general.architecture") === "controlvector") {
    return { kind: "adapter", reason: "a control vector; use it with --lora" };
  }
  if (type === "adapter" || header.metadata.has("adapter.type")) {
    return { kind: "adapter", reason: "an adapter; use it with --lora" };
  }
  if (type === "mmproj" || text(header, "general.architecture") === "clip") {
    // The projectors of LLaVA 1.5 tell the length that CLIP's own projection has.
    const embeddingLength = mlpOutputs(header) ??
      count(header, "clip.vision.projection_dim") ?? count(header, "clip.audio.projection_dim");
    const reads = (["vision", "audio"] as const).filter((input) =>
      header.metadata.get(`clip.has_${input}_encoder`) === true
    );
    return {
      kind: "projector",
      reason: "a projector, which models read images or audio with; not a model",
      ...(embeddingLength === undefined ? {} : { embeddingLength }),
      ...(reads.length === 0 ? {} : { reads }),
    };
  }
  if (type === "imatrix") {
    return { kind: "other", reason: "an importance matrix, not a model" };
  }
  if (tensors === 0) return { kind: "vocabulary", reason: "a vocabulary without weights" };
  return null;
}

function kindOf(header: GgufHeader, architecture: string): ModelEntry["kind"] {
  const pooling = count(header, `${architecture}.pooling_type`);
  if (pooling === POOLING_RANK) return "rerank";
  // A model without causal attention cannot generate text.
  const isCausal = header.metadata.get(`${architecture}.attention.causal`) !== false;
  if (EMBEDDING_ARCHITECTURES.has(architecture) || !isCausal) return "embedding";
  return pooling === undefined || pooling === POOLING_NONE ? "language" : "embedding";
}

/** The chat template of the file. An empty template counts as none. */
function templateOf(header: GgufHeader): string | null {
  const template = text(header, "tokenizer.chat_template");
  return template?.trim() ? template : null;
}

function elementsOf(headers: readonly GgufHeader[]): ReadonlyMap<number, number> {
  const sum = new Map<number, number>();
  for (const { elements } of headers) {
    for (const [type, count] of elements) sum.set(type, (sum.get(type) ?? 0) + count);
  }
  return sum;
}

function text(header: GgufHeader, key: string): string | undefined {
  const value = header.metadata.get(key);
  return typeof value === "string" ? value : undefined;
}

function count(header: GgufHeader, key: string): number | undefined {
  const value = header.metadata.get(key);
  return typeof value === "number" && Number.isInteger(value) && value >= 0 ? value : undefined;
}
