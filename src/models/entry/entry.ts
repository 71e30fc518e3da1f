import type { KvType, Sampling } from "../../engine/protocol/mod.ts";
import type { KeepAlive } from "./keep_alive.ts";

/** A model as discovery knows it: from its file's head, without its weights. */
export interface ModelEntry {
  /** Lower-cased file name without `.gguf` and shard suffix; `name:tag` for Ollama's store. */
  readonly name: string;
  /** The model's file, or its shards in order. */
  readonly paths: readonly string[];
  /** Bytes of all its files. */
  readonly size: number;
  /** Milliseconds since the epoch. */
  readonly modified: number;
  readonly source: ModelSource;
  readonly architecture: string;
  /** As people write it, e.g. `Q4_K_M`. */
  readonly quantization: string;
  readonly parameters: number | null;
  readonly contextLength: number | null;
  readonly embeddingLength: number | null;
  readonly chatTemplate: string | null;
  readonly kind: "language" | "embedding" | "rerank";
  /** Adapters it is loaded with: its own, then those the environment or the command line puts on it. */
  readonly loras: readonly Lora[];
  /** Other names of the same file, such as a second tag in Ollama's store. */
  readonly aliases?: readonly string[];
  /** What the configuration file says of it. */
  readonly settings?: ModelSettings;
  /** Files Ollama's store keeps beside the weights, by what they are. */
  readonly ollama?: Readonly<Partial<Record<OllamaLayer, string>>>;
}

/** What a configuration file says of a model, over what the command line says of all. */
export interface ModelSettings {
  /** Tokens one sequence may hold; 0 means as trained. */
  readonly contextLength?: number;
  /** Sequences that may run at once. */
  readonly parallel?: number;
  readonly kvType?: KvType;
  /** -1 means all; null: as many as are best. */
  readonly gpuLayers?: number | null;
  /** It is not unloaded for being idle, and last for want of room. */
  readonly pinned?: boolean;
  readonly keepAlive?: KeepAlive;
  /** For requests that say nothing else. */
  readonly sampling?: Partial<Sampling>;
  /** The same, of what is another while the model reasons. */
  readonly reasoningSampling?: Partial<Sampling>;
}

/** A file with a LoRA adapter or a control vector, and how strongly it is applied. */
export interface Lora {
  readonly path: string;
  readonly scale: number;
  /** By which requests choose it; its file's unless given. */
  readonly name?: string;
  /** The first and the last layer that a control vector changes; all it has directions for unless given. */
  readonly layers?: readonly [first: number, last: number];
}

/** What Ollama's manifests call the layers that are neither weights nor adapter. */
export type OllamaLayer = "template" | "params" | "system" | "license" | "messages" | "projector";

export type ModelSource =
  | "builtin"
  | "base"
  | "config"
  | "folder"
  | "huggingface"
  | "ollama"
  | "lmstudio"
  | "path";

/** A file that was looked at and is not a model that can be listed. */
export interface SkippedFile {
  readonly path: string;
  readonly reason: string;
  readonly kind: "adapter" | "projector" | "vocabulary" | "shard" | "other" | "broken";
}

/** What a scan found, in the order of the places that were looked at. */
export interface Discovery {
  readonly models: readonly ModelEntry[];
  readonly skipped: readonly SkippedFile[];
  /** Places that were looked at, whether they exist, and how many models each gave. */
  readonly places: readonly {
    readonly path: string;
    readonly source: ModelSource;
    readonly exists: boolean;
    readonly models: number;
  }[];
}
