import type { ModelEntry, ModelSource, SkippedFile } from "../entry/mod.ts";
import { type GgufHead, quantizationName, readHead } from "../gguf/mod.ts";
import { messageOf } from "../../errors.ts";
import type { Candidate } from "./sources/mod.ts";

/** Architectures that give vectors and never text, as llama.cpp names them. */
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

/** A candidate as the model it is, or as what it is instead. */
export async function describe(
  candidate: Candidate,
  source: ModelSource,
): Promise<ModelEntry | SkippedFile> {
  const heads: GgufHead[] = [];
  let size = 0;
  let modified = 0;
  for (const path of candidate.paths) {
    try {
      heads.push(await readHead(path));
      const info = await Deno.stat(path);
      size += info.size;
      modified = Math.max(modified, info.mtime?.getTime() ?? 0);
    } catch (error) {
      return { path, reason: messageOf(error), kind: "broken" };
    }
  }
  // The first shard carries the metadata of all.
  const head = heads[0]!;
  const path = candidate.paths[0]!;
  const tensors = heads.reduce((sum, one) => sum + one.tensors, 0);
  const other = notAModel(head, tensors);
  if (other !== null) return { path, ...other };
  const architecture = text(head, "general.architecture");
  if (architecture === undefined) {
    return { path, reason: "it names no architecture", kind: "broken" };
  }
  return {
    name: candidate.name,
    paths: candidate.paths,
    size,
    modified,
    source,
    architecture,
    quantization: quantizationName(count(head, "general.file_type"), elementsOf(heads)),
    parameters: heads.reduce((sum, one) => sum + one.parameters, 0),
    contextLength: count(head, `${architecture}.context_length`) ?? null,
    embeddingLength: count(head, `${architecture}.embedding_length`) ?? null,
    chatTemplate: text(head, "tokenizer.chat_template") ?? null,
    kind: kindOf(head, architecture),
    loras: candidate.loras ?? [],
    ...(candidate.ollama === undefined ? {} : { ollama: candidate.ollama }),
  };
}

/** True when discovery found a model and not something else. */
export function isModel(described: ModelEntry | SkippedFile): described is ModelEntry {
  return "name" in described;
}

/** What a GGUF file is that is no model one can talk to, or `null`. */
function notAModel(
  head: GgufHead,
  tensors: number,
): { reason: string; kind: SkippedFile["kind"] } | null {
  const type = text(head, "general.type");
  if (text(head, "general.architecture") === "controlvector") {
    return { kind: "adapter", reason: "a control vector; --lora puts it on a model" };
  }
  if (type === "adapter" || head.metadata.has("adapter.type")) {
    return { kind: "adapter", reason: "an adapter; --lora puts it on a model" };
  }
  if (type === "mmproj" || text(head, "general.architecture") === "clip") {
    return { kind: "projector", reason: "a projector for images or sound, not a model of its own" };
  }
  if (type === "imatrix") {
    return { kind: "other", reason: "an importance matrix for quantizing, not a model" };
  }
  if (tensors === 0) return { kind: "vocabulary", reason: "a vocabulary without weights" };
  return null;
}

function kindOf(head: GgufHead, architecture: string): ModelEntry["kind"] {
  const pooling = count(head, `${architecture}.pooling_type`);
  if (pooling === POOLING_RANK) return "rerank";
  // A token that sees those after it cannot be generated.
  const isCausal = head.metadata.get(`${architecture}.attention.causal`) !== false;
  if (EMBEDDING_ARCHITECTURES.has(architecture) || !isCausal) return "embedding";
  return pooling === undefined || pooling === POOLING_NONE ? "language" : "embedding";
}

function elementsOf(heads: readonly GgufHead[]): ReadonlyMap<number, number> {
  const sum = new Map<number, number>();
  for (const { elements } of heads) {
    for (const [type, count] of elements) sum.set(type, (sum.get(type) ?? 0) + count);
  }
  return sum;
}

function text(head: GgufHead, key: string): string | undefined {
  const value = head.metadata.get(key);
  return typeof value === "string" ? value : undefined;
}

function count(head: GgufHead, key: string): number | undefined {
  const value = head.metadata.get(key);
  return typeof value === "number" && Number.isInteger(value) && value >= 0 ? value : undefined;
}
