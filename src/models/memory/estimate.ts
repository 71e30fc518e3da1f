import { chooseShape, contextBudget, kvBytesPerToken } from "../../engine/mod.ts";
import type { LoadOptions } from "../../engine/protocol/mod.ts";
import type { ModelEntry } from "../entry/mod.ts";
import { type GgufHeader, readHeader } from "../gguf/mod.ts";

/** Load options that determine memory use. */
export type LoadShape = Pick<
  LoadOptions,
  | "contextLength"
  | "parallel"
  | "kvType"
  | "kvUnified"
  | "sharesOneContext"
  | "batchSize"
  | "projector"
>;

/** Default number of tokens in a step. */
const DEFAULT_BATCH = 512;
/** Tokens of a context for which idle models are unloaded. */
const USEFUL_CONTEXT = 8192;
/**
 * Approximate bytes of intermediate results per token of a step and embedding dimension: a few rows
 * of 32-bit values.
 */
const COMPUTE_BYTES = 64;

/**
 * Estimates the main memory of a model that is loaded on the CPU, in bytes: the files of the model,
 * of its draft model, its adapters and its projector, the KV caches and the compute buffers.
 *
 * @param available Bytes for the model. They determine the context length if no length is given.
 * @param draft The draft model, whose context has the shape of the model's context.
 * @throws {ShimmyError} If a file's header cannot be read.
 */
export async function estimateMainMemory(
  entry: ModelEntry,
  plan: LoadShape,
  available: number,
  draft?: ModelEntry,
): Promise<number> {
  const header = await readHeader(entry.paths[0]!);
  const isDrafted = draft !== undefined && entry.kind === "language";
  const drafting = isDrafted ? await draftPart(draft) : { size: 0, bytesPerToken: 0, compute: 0 };
  const { projector } = plan;
  // Its weights leave less for the context.
  const projectorBytes = projector === undefined ? 0 : await sizeOf(projector.path);
  const left = available - projectorBytes;
  const kv = entry.kind === "language" ? kvBytes(entry, header, plan, left, drafting) : 0;
  const batch = plan.batchSize > 0 ? plan.batchSize : DEFAULT_BATCH;
  const sizes = await Promise.all(entry.loras.map(({ path }) => sizeOf(path)));
  const files = sizes.reduce((sum, bytes) => sum + bytes, entry.size + drafting.size);
  return Math.ceil(
    files + projectorBytes + kv + computeBytes(entry, header, batch) + drafting.compute,
  );
}

/** Memory of a draft model. */
interface DraftPart {
  readonly size: number;
  readonly bytesPerToken: number;
  readonly compute: number;
}

async function draftPart(draft: ModelEntry): Promise<DraftPart> {
  const header = await readHeader(draft.paths[0]!);
  return {
    size: draft.size,
    bytesPerToken: bytesPerToken(draft, header, "f16"),
    compute: computeBytes(draft, header, DEFAULT_BATCH),
  };
}

function computeBytes({ architecture }: ModelEntry, header: GgufHeader, batch: number): number {
  return batch * numberOf(header, `${architecture}.embedding_length`) * COMPUTE_BYTES;
}

/**
 * Size of a file in bytes. A missing file counts as 0: the load then fails with a better message.
 */
async function sizeOf(path: string): Promise<number> {
  return (await Deno.stat(path).catch(() => null))?.size ?? 0;
}

function kvBytes(
  entry: ModelEntry,
  header: GgufHeader,
  plan: LoadShape,
  available: number,
  draft: DraftPart,
): number {
  const { shape } = chooseShape({
    requested: plan.contextLength,
    trained: entry.contextLength ?? 0,
    parallel: plan.parallel,
    kvUnified: plan.kvUnified,
    sharesOneContext: plan.sharesOneContext,
    bytesPerToken: bytesPerToken(entry, header, plan.kvType),
    draftBytesPerToken: draft.bytesPerToken,
    budget: contextBudget({ isMain: true, available, modelBytes: entry.size + draft.size }),
    atLeast: Math.min(plan.contextLength || entry.contextLength || 0, USEFUL_CONTEXT),
  });
  return shape.kvBytes;
}

/** KV cache bytes per token. */
function bytesPerToken(
  { architecture }: ModelEntry,
  header: GgufHeader,
  kvType: LoadShape["kvType"],
): number {
  const count = (key: string) => numberOf(header, `${architecture}.${key}`);
  const heads = count("attention.head_count");
  const lengths = ["key_length", "value_length"].map((key) => {
    const name = `${architecture}.attention.${key}`;
    return [name, header.metadata.get(name)] as const;
  }).filter(([, value]) => typeof value === "number");
  return kvBytesPerToken(
    {
      layers: count("block_count"),
      heads,
      // If the value is an array with one count per layer, the number of heads is an upper bound.
      kvHeads: count("attention.head_count_kv") || heads,
      embeddingLength: count("embedding_length"),
    },
    {
      "general.architecture": architecture,
      ...Object.fromEntries(lengths.map(([name, value]) => [name, String(value)])),
    },
    kvType,
  );
}

function numberOf(header: GgufHeader, key: string): number {
  const value = header.metadata.get(key);
  return typeof value === "number" ? value : 0;
}
