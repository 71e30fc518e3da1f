import type { AdapterSource } from "./adapters.ts";
import type { RpcWorker, SplitMode, TensorOverride } from "./placement.ts";

/** Options of a model load. Every option reaches a native parameter. */
export interface LoadOptions {
  /** Folder of libllama and its ggml backends. */
  readonly libraryFolder: string;
  /** Model file, or the shards of a split model in order. */
  readonly modelPaths: readonly string[];
  /** Adapters to load with the model, for requests that choose no adapters. */
  readonly loras: readonly AdapterSource[];
  /**
   * Names of the ggml devices to use. Empty: CPU only. `undefined`: all devices that libllama
   * finds.
   */
  readonly devices?: readonly string[];
  /**
   * RPC workers to connect to, whose devices are `RPC0` and so on, in this order. ggml ends the process if one of
   * them cannot be reached, so check them first. Only for a model in a process of its own.
   */
  readonly rpc?: readonly RpcWorker[] | undefined;
  /** Layers to offload to the devices. -1: all layers. */
  readonly gpuLayers: number;
  /** How several devices share the model. Default `layer`. */
  readonly splitMode?: SplitMode | undefined;
  /** Index of the device that holds the whole model with split mode `none`. */
  readonly mainGpu?: number | undefined;
  /** Proportion of the model on each device. */
  readonly tensorSplit?: readonly number[] | undefined;
  /** Placement of tensors by name. The first matching pattern applies. */
  readonly tensorOverrides?: readonly TensorOverride[] | undefined;
  /** Notes from before the load, to be included in `ModelInfo.notes`. One sentence each. */
  readonly notes?: readonly string[] | undefined;
  /** Maximum tokens of one sequence. 0: the trained context length. */
  readonly contextLength: number;
  /** Maximum concurrent sequences. 0: four, or as many as memory allows. */
  readonly parallel: number;
  /** Maximum tokens in one call of `llama_decode` (`n_batch`). 0: 512. */
  readonly batchSize: number;
  /** Threads for prefill and decode. 0: number of physical cores. */
  readonly threads: number;
  /** Element type of the KV cache. */
  readonly kvType: KvType;
  readonly flashAttention: "auto" | "on" | "off";
  /**
   * Use one KV buffer for all sequences instead of one stream per sequence. `auto`: unless memory allows
   * every sequence the whole context.
   */
  readonly kvUnified: KvUnified;
  /**
   * Whether a unified KV buffer of automatic size has the cells of one sequence, instead of those that all
   * sequences could use.
   */
  readonly sharesOneContext?: boolean;
  /** Shape of the context, as a plan has chosen it. Default: chosen at the load. */
  readonly shape?: ContextShape | undefined;
  /** Maximum bytes of main memory for weights and context. Default: the available memory. */
  readonly memoryLimit?: number | undefined;
  /** Bytes of the available main memory that the contexts of loaded models may still take. */
  readonly memoryClaimed?: number | undefined;
  /** Bytes to leave free on each device. Null or absent: see `deviceReserve`. */
  readonly gpuReserve?: number | null | undefined;
  /**
   * Whether layers with a sliding window keep all cells. `auto`, the default, keeps them unless the
   * window alone allows a longer context.
   */
  readonly swaFull?: SwaFull | undefined;
  /** Draft tokens by prompt lookup: n-grams that occurred earlier in the sequence. */
  readonly lookup: boolean;
  /** Draft model: file, or shards in order. Must have the same vocabulary as the model. */
  readonly draftPaths?: readonly string[] | undefined;
  /** If the draft model has another vocabulary, load without the draft model and add a note. */
  readonly isDraftOptional?: boolean;
  /** The projector with the encoders of images and audio. */
  readonly projector?: ProjectorOptions | undefined;
  /** Discard the older half of a sequence when its context is full, and continue generating. */
  readonly contextShift: boolean;
  /**
   * Minimum milliseconds between two messages with tokens. 0: each token at once. Null or absent: by the
   * compute threads.
   */
  readonly streamInterval?: number | null | undefined;
  /** Folder of saved sessions. */
  readonly sessionFolder?: string | undefined;
  /** Keep prefixes on disk for later processes. */
  readonly diskCache?: DiskCacheLocation | undefined;
  /** Share prefixes with other servers. */
  readonly sharedCache?: SharedCacheLocation | undefined;
  /**
   * Seconds that the engine thread of a child process may take for a batch, a message, or a part of the
   * load, before the process is ended. 0: any time. Null or absent: by the size of the model.
   */
  readonly stepTimeout?: number | null | undefined;
  /** Write native logs to stderr. */
  readonly verbose: boolean;
  /** Write the native log of the load to stderr, followed by the line `LOG_END`. */
  readonly logLoad?: boolean | undefined;
}

/** A projector, which turns images and sounds into embeddings of the model. */
export interface ProjectorOptions {
  readonly path: string;
  /** Whether a GPU computes it, if the model is on one. */
  readonly offload: boolean;
  /** If it cannot be used, load without it and add a note. */
  readonly isOptional: boolean;
}

/** A folder or a bucket of prefixes that several servers share. */
export type SharedCacheLocation =
  & ({ readonly folder: string } | { readonly bucket: BucketLocation })
  & {
    /** Servers with the same secret accept each other's states. May be empty. */
    readonly secret: string;
  };

/** A bucket of S3, or of a server that speaks its protocol. */
export interface BucketLocation {
  /** URL without a path. */
  readonly endpoint: string;
  readonly bucket: string;
  /** The beginning of all keys: empty, or with `/` at its end. */
  readonly prefix: string;
  readonly region: string;
  readonly credentials: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken?: string;
  };
}

/** Folder and bounds of a prefix cache on disk. */
export interface DiskCacheLocation {
  readonly folder: string;
  /** Maximum bytes of the files of this model. */
  readonly modelBytes: number;
  /** Maximum bytes of all files in the folder. */
  readonly totalBytes: number;
}

/** Milliseconds in which an unload writes states to disk. States that are left are not written. */
export const DISK_SAVE_MS = 10_000;

/** Marks the end of the native log of a load. */
export const LOG_END = "shimmy: end of the load's log";

/** Element types that libllama supports for the KV cache. */
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

/** Ways to keep the cells of layers with a sliding window. */
export const SWA_FULL = ["auto", "on", "off"] as const;
export type SwaFull = (typeof SWA_FULL)[number];

/** Ways to share KV cells between sequences. `true` is `on`, `false` is `off`. */
export const KV_UNIFIED = ["auto", "on", "off"] as const;
export type KvUnified = (typeof KV_UNIFIED)[number] | boolean;

/** Shape of a generation context: how sequences share its KV cells. */
export interface ContextShape {
  /** Maximum tokens of one sequence. */
  readonly length: number;
  /** Maximum concurrent sequences. */
  readonly sequences: number;
  /** Whether all sequences share one KV buffer; else each has a stream of `length` cells. */
  readonly unified: boolean;
  /** KV cells in total. */
  readonly cells: number;
  /** Whether layers with a sliding window keep all cells. */
  readonly swaFull: boolean;
  /** Upper bound of the KV cache in bytes. */
  readonly kvBytes: number;
  /** Why the context has this shape, in one sentence. */
  readonly reason: string;
}
