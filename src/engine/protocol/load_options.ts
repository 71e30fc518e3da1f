import type { AdapterSource } from "./adapters.ts";
import type { SplitMode, TensorOverride } from "./placement.ts";

/** How a model is loaded. Everything here reaches a native parameter. */
export interface LoadOptions {
  /** The folder that holds libllama and its ggml backends. */
  readonly libraryFolder: string;
  /** The model's file, or its shards in order. */
  readonly modelPaths: readonly string[];
  /** Adapters applied to every sequence that chooses none. */
  readonly loras: readonly AdapterSource[];
  /** Names of the ggml devices to use; empty means the CPU alone. `undefined`: whatever the library finds. */
  readonly devices?: readonly string[];
  /** Layers to place on the devices; -1 means all. */
  readonly gpuLayers: number;
  /** How several devices share the model. Default `layer`. */
  readonly splitMode?: SplitMode | undefined;
  /** Which of the devices, counted from 0, holds all of the model under `none`. */
  readonly mainGpu?: number | undefined;
  /** How much of the model each device gets, in proportion to the others. */
  readonly tensorSplit?: readonly number[] | undefined;
  /** Tensors that go elsewhere than their layer; the first pattern that matches a name counts. */
  readonly tensorOverrides?: readonly TensorOverride[] | undefined;
  /** What was decided for the model before it is loaded, one sentence each. */
  readonly notes?: readonly string[] | undefined;
  /** Tokens one sequence may hold; 0 means as trained. */
  readonly contextLength: number;
  /** Sequences that may run at once. */
  readonly parallel: number;
  /** Tokens in one call of `llama_decode` (`n_batch`); 0 means the default, 512. */
  readonly batchSize: number;
  /** Threads for decoding and for prefill; 0 means as many as the machine has physical cores. */
  readonly threads: number;
  /** Element type of the KV cache. */
  readonly kvType: KvType;
  readonly flashAttention: "auto" | "on" | "off";
  /** One KV buffer for all sequences instead of a stream for each. */
  readonly kvUnified: boolean;
  /** Draft tokens from a sequence's own text, where it repeats itself. */
  readonly lookup: boolean;
  /** A small model with the same vocabulary that drafts tokens: its file, or its shards in order. */
  readonly draftPaths?: readonly string[] | undefined;
  /** Load without it where its vocabulary is another one, and note that. */
  readonly isDraftOptional?: boolean;
  /** Forget the older half of a sequence when its context is full, and go on. */
  readonly contextShift: boolean;
  /** Where named sessions are kept. */
  readonly sessionFolder?: string | undefined;
  /** Let native logs through to stderr. */
  readonly verbose: boolean;
  /** Write the native log of the loading to stderr, and `LOG_END` after it. */
  readonly logLoad?: boolean | undefined;
}

/** The line that ends the log of a load. */
export const LOG_END = "shimmy: end of the load's log";

/** Element types libllama accepts for the KV cache. */
export const KV_TYPES = [
  "f32",
  "f16",
  "bf16",
  "q8_0",
  "q4_0",
  "q4_1",
  "iq4_nl",
  "q5_0",
  "q5_1",
] as const;
export type KvType = (typeof KV_TYPES)[number];
