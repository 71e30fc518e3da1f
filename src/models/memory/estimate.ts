import { chooseContext, kvBytesPerToken } from "../../engine/mod.ts";
import type { LoadOptions } from "../../engine/protocol/mod.ts";
import type { ModelEntry } from "../entry/mod.ts";
import { type GgufHead, readHead } from "../gguf/mod.ts";

/** How a model would be loaded, as far as it decides what it takes. */
export type LoadShape = Pick<
  LoadOptions,
  "contextLength" | "parallel" | "kvType" | "kvUnified" | "batchSize"
>;

/** Tokens in one step unless said otherwise. */
const DEFAULT_BATCH = 512;
/** Bytes of intermediate results for each token of a step and each dimension, about: a few rows of 32 bits. */
const COMPUTE_BYTES = 64;

/**
 * Bytes of main memory that a model takes once it is loaded on the CPU, about: its files and those of
 * its adapters, its KV cache and what a step computes in between.
 *
 * @param available bytes that are free, which decide how long a context is where nobody says.
 * @throws {ShimmyError} where the file's head cannot be read.
 */
export async function memoryNeed(
  entry: ModelEntry,
  plan: LoadShape,
  available: number,
): Promise<number> {
  const head = await readHead(entry.paths[0]!);
  const count = (key: string) => numberOf(head, `${entry.architecture}.${key}`);
  const embeddingLength = count("embedding_length");
  const kv = entry.kind === "language" ? kvBytes(entry, head, plan, available) : 0;
  const batch = plan.batchSize > 0 ? plan.batchSize : DEFAULT_BATCH;
  const adapters = await Promise.all(entry.loras.map(({ path }) => sizeOf(path)));
  const files = adapters.reduce((sum, bytes) => sum + bytes, entry.size);
  return Math.ceil(files + kv + batch * embeddingLength * COMPUTE_BYTES);
}

/** Bytes of a file; one that is not there fails the load, and better than here. */
async function sizeOf(path: string): Promise<number> {
  return (await Deno.stat(path).catch(() => null))?.size ?? 0;
}

function kvBytes(entry: ModelEntry, head: GgufHead, plan: LoadShape, available: number): number {
  const { architecture } = entry;
  const count = (key: string) => numberOf(head, `${architecture}.${key}`);
  const heads = count("attention.head_count");
  const lengths = ["key_length", "value_length"].map((key) => {
    const name = `${architecture}.attention.${key}`;
    return [name, head.metadata.get(name)] as const;
  }).filter(([, value]) => typeof value === "number");
  const bytesPerToken = kvBytesPerToken(
    {
      layers: count("block_count"),
      heads,
      // A list says it for each layer; no layer has more than there are heads.
      kvHeads: count("attention.head_count_kv") || heads,
      embeddingLength: count("embedding_length"),
    },
    {
      "general.architecture": architecture,
      ...Object.fromEntries(lengths.map(([name, value]) => [name, String(value)])),
    },
    plan.kvType,
  );
  const sequences = plan.kvUnified ? 1 : plan.parallel;
  const { length } = chooseContext({
    requested: plan.contextLength,
    trained: entry.contextLength ?? 0,
    sequences,
    bytesPerToken,
    available,
  });
  return length * sequences * bytesPerToken;
}

function numberOf(head: GgufHead, key: string): number {
  const value = head.metadata.get(key);
  return typeof value === "number" ? value : 0;
}
