import type { KvType, Sampling } from "../../engine/protocol/mod.ts";
import type { Endpoint } from "../../rpc/workers/endpoint.ts";
import type { KeepAlive } from "./keep_alive.ts";

/** A model as discovery reads it from the file's header, without weights. */
export interface ModelEntry {
  /** Lower-case file name without `.gguf` and shard suffix; `name:tag` in Ollama's store. */
  readonly name: string;
  /** The model's file, or its shards in order. */
  readonly paths: readonly string[];
  /** Bytes of all files of the model. */
  readonly size: number;
  /** Modification time in milliseconds since the epoch. */
  readonly modified: number;
  readonly source: SourceKind;
  readonly architecture: string;
  /** Display name, for example `Q4_K_M`. */
  readonly quantization: string;
  readonly parameters: number | null;
  readonly contextLength: number | null;
  readonly embeddingLength: number | null;
  readonly chatTemplate: string | null;
  readonly kind: "language" | "embedding" | "rerank";
  /**
   * Adapters to load with the model: the model's own, then those of the environment or the command
   * line.
   */
  readonly loras: readonly Lora[];
  /** File of the projector, with which the model reads images or audio. */
  readonly projector?: string;
  /** What the projector has encoders for; absent if its header was not read. */
  readonly projectorReads?: readonly ProjectorInput[];
  /** Other names of the same file, for example a second tag in Ollama's store. */
  readonly aliases?: readonly string[];
  /** The file was removed, and the model is still loaded. */
  readonly isRemoved?: boolean;
  /** Settings of the model in its store, and in the configuration file, which takes precedence. */
  readonly settings?: ModelSettings;
  /** Files that Ollama's store keeps beside the weights, by layer type. */
  readonly ollama?: Readonly<Partial<Record<OllamaLayer, string>>>;
}

/** What a projector can have an encoder for. */
export type ProjectorInput = "vision" | "audio";

/** A message before the messages of every conversation. */
export interface ExampleMessage {
  readonly role: "system" | "user" | "assistant";
  readonly content: string;
}

/** Settings of one model in the configuration file. They override the command line. */
export interface ModelSettings {
  /** Tokens per sequence. 0 means the trained context length. */
  readonly contextLength?: number;
  /** Maximum number of sequences that run at once. */
  readonly parallel?: number;
  readonly kvType?: KvType;
  /** Maximum bytes of the model's files in the prefix cache on disk. 0 keeps nothing. */
  readonly diskCache?: number;
  /** Number of layers on devices. -1 means all, null means as many as fit. */
  readonly gpuLayers?: number | null;
  /** RPC workers whose devices the model uses. Empty: none. */
  readonly rpc?: readonly Endpoint[];
  /** The model has no idle timeout and is unloaded last to free memory. */
  readonly pinned?: boolean;
  readonly keepAlive?: KeepAlive;
  /** System message for chat requests without one. */
  readonly system?: string;
  /** Jinja template that replaces the one in the file. */
  readonly chatTemplate?: string;
  /** Messages after the system message of every conversation. */
  readonly messages?: readonly ExampleMessage[];
  /** Words about the model for clients. */
  readonly tags?: readonly string[];
  /** Maximum tokens for requests that do not limit them. */
  readonly maxTokens?: number;
  /** Stop strings in addition to those of a request. */
  readonly stop?: readonly string[];
  /** Default sampling for requests. */
  readonly sampling?: Partial<Sampling>;
  /** Default sampling during reasoning; overrides `sampling`. */
  readonly reasoningSampling?: Partial<Sampling>;
}

/** File of a LoRA adapter or control vector, and its scale. */
export interface Lora {
  readonly path: string;
  readonly scale: number;
  /** Name for requests. The default is derived from the file name. */
  readonly name?: string;
  /**
   * First and last layer that a control vector changes. The default is every layer it has a
   * direction for.
   */
  readonly layers?: readonly [first: number, last: number];
}

/** Layer types of Ollama's manifests besides weights and adapter. */
export type OllamaLayer = "template" | "params" | "system" | "license" | "messages" | "projector";

export type SourceKind =
  | "builtin"
  | "base"
  | "config"
  | "folder"
  | "huggingface"
  | "ollama"
  | "lmstudio"
  | "path";

/** A file that was scanned and cannot be listed as a model. */
export interface SkippedFile {
  readonly path: string;
  /** The name that the model would have. */
  readonly name?: string;
  readonly reason: string;
  readonly kind: "adapter" | "projector" | "vocabulary" | "shard" | "other" | "broken";
  /** Length of the embeddings of a projector, which is that of its model. */
  readonly embeddingLength?: number;
  /** What a projector has encoders for. */
  readonly reads?: readonly ProjectorInput[];
}

/** Result of scanning all sources, in scan order. */
export interface Discovery {
  readonly models: readonly ModelEntry[];
  readonly skipped: readonly SkippedFile[];
  /** Scanned sources: whether each exists, and its number of models. */
  readonly sources: readonly {
    readonly path: string;
    readonly source: SourceKind;
    readonly exists: boolean;
    readonly models: number;
  }[];
}
