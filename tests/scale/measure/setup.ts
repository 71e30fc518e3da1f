/** The replicas of the measurements, and the model that they load. */
import { basename, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { cpuFeatures, loadBackends, openLibrary, silenceLogs } from "../../../ffi/mod.ts";
import { realLibraryFolder } from "../../../ffi/testing.ts";
import { machine } from "../../../scripts/bench/machine.ts";
import type { BatchTimes } from "../../../scripts/simulate/timings.ts";
import { CPU_MICRO_BATCH } from "../../../src/engine/model/mod.ts";
import { kvBytesPerToken } from "../../../src/engine/model/sizes/kv_bytes.ts";
import { promptRowsOnCpu } from "../../../src/engine/native/mod.ts";
import { readHeader } from "../../../src/models/gguf/mod.ts";

/** The built-in model. */
export const TINY = fileURLToPath(
  new URL("../../../src/assets/tiny/shimmy-tiny.gguf", import.meta.url),
);

/** Sequences of a replica at once, maximum tokens of a sequence, maximum tokens of a batch (`n_batch`). */
const PARALLEL = 4;
const CONTEXT = 2048;
const BATCH = 512;

/** The facts of replicas that are known without a measurement. */
export type ReplicaFacts = Omit<BatchTimes, MeasuredField>;

/** The fields that are measured. */
export type MeasuredField =
  | "decode"
  | "prefill"
  | "saveMs"
  | "restoreMs"
  | "copyMs"
  | "overheadMs"
  | "slowdown";

/** A model file and how replicas load it. */
export interface ReplicaSetup {
  /** Arguments of each replica. Each has one thread, which `Machine` adds. */
  readonly args: readonly string[];
  readonly facts: ReplicaFacts;
}

/** @param model path of a GGUF file; undefined for the built-in model */
export async function setUp(model: string | undefined): Promise<ReplicaSetup> {
  const path = model === undefined ? TINY : resolve(model);
  const folder = await realLibraryFolder();
  if (folder === null) throw new Error("There is no libllama for this machine");
  using library = openLibrary(folder);
  silenceLogs(library);
  loadBackends(library);
  const { group, most } = promptRowsOnCpu(cpuFeatures(library), BATCH, CPU_MICRO_BATCH);
  return {
    args: [
      ...["--model-path", path, "--gpu-backend", "cpu"],
      ...["--parallel", `${PARALLEL}`, "--ctx", `${CONTEXT}`, "--kv-unified", "off"],
      // Drafts of a text without sense have no use, and the simulator has none.
      ...["--lookup", "off"],
    ],
    facts: {
      model: basename(path),
      machine: `${await machine()}, one thread a replica`,
      ...{ threads: 1, parallel: PARALLEL, context: CONTEXT, batch: BATCH, rowGroup: group },
      ...{ microBatch: Math.min(BATCH, CPU_MICRO_BATCH), promptRows: most },
      kvBytes: await kvBytesOf(path),
    },
  };
}

async function kvBytesOf(path: string): Promise<number> {
  const { metadata } = await readHeader(path);
  const architecture = metadata.get("general.architecture");
  const number = (name: string) => Number(metadata.get(`${architecture}.${name}`));
  const heads = number("attention.head_count");
  const shape = {
    ...{ layers: number("block_count"), heads, embeddingLength: number("embedding_length") },
    kvHeads: number("attention.head_count_kv") || heads,
  };
  const texts = [...metadata].filter(([name]) => name.startsWith(`${architecture}.attention.`))
    .map(([name, value]) => [name, String(value)]);
  const known = { ...Object.fromEntries(texts), "general.architecture": String(architecture) };
  return kvBytesPerToken(shape, known, "f16");
}
