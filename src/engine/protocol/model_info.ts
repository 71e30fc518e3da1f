import type { ContextShape, LoadOptions } from "./load_options.ts";
import type { DeviceInfo, Placement } from "./placement.ts";
import type { MediaInput } from "./request.ts";
import type { Sampling } from "./sampling.ts";

/** Fill-in-the-middle tokens. Vocabularies without repositories have no tokens for them. */
export interface FillTokens {
  readonly prefix: number;
  readonly suffix: number;
  readonly middle: number;
  /** Before the name of a repository, and before the name of each of its files. */
  readonly repository: number | null;
  readonly separator: number | null;
}

/** Settings of a context that can change how a result is rounded. */
export type ContextSettings =
  & Pick<LoadOptions, "kvType" | "flashAttention" | "lookup" | "contextShift">
  & {
    /** Whether layers with a sliding window keep all cells. */
    readonly swaFull: boolean;
    /** Whether a draft model proposes tokens. */
    readonly draft: boolean;
  };

/** What tells a file from one that has replaced it. */
export interface FileState {
  readonly size: number;
  /** Milliseconds since the epoch; 0 if unknown. */
  readonly modified: number;
}

/** What a model reads besides text. */
export interface MediaSupport {
  readonly vision: boolean;
  readonly audio: boolean;
  /** Why the model reads neither, although it has a projector; null if it reads one of them. */
  readonly refusal: string | null;
}

/** What a model lacks that should read an image or a sound; null if it reads it. */
export function mediaRefusal(
  support: MediaSupport | undefined,
  type: MediaInput["type"],
): string | null {
  const what = type === "image" ? "images" : "audio";
  if (support === undefined) return `the model reads no ${what}: it has no projector (mmproj)`;
  if (support.refusal !== null) return support.refusal;
  if (type === "image" ? support.vision : support.audio) return null;
  return `the model reads no ${what}: its projector has no encoder for it`;
}

/** Description of a loaded model. */
export interface ModelInfo {
  /** The files of the weights as they were when they were read: they may be replaced later. */
  readonly files?: readonly FileState[];
  /** The file of the projector as it was when it was read; absent without one. */
  readonly projectorFile?: FileState;
  /** Task of the model: generate text, compute embeddings, or score documents. */
  readonly kind: "language" | "embedding" | "rerank";
  /** libllama's description of the model, e.g. `llama 2.6M Q4_K - Medium`. */
  readonly description: string;
  readonly architecture: string;
  /** Number of parameters. */
  readonly parameters: number;
  /** Size of all tensors in bytes. */
  readonly size: number;
  readonly vocabularySize: number;
  readonly embeddingLength: number;
  /** Repeating layers: without the output layer. */
  readonly layers: number;
  /** Context length of the training, in tokens. */
  readonly trainedContext: number;
  /**
   * Maximum tokens of one sequence: in the current context, which has `shape`, or in a larger one that
   * memory had room for at the load.
   */
  readonly contextLength: number;
  readonly parallel: number;
  /** Shape of the generation context, also of one that replaces it; null for other models. */
  readonly shape: ContextShape | null;
  readonly batchSize: number;
  readonly threads: number;
  /** Minimum milliseconds between two messages with tokens; 0: each token is sent at once. */
  readonly streamInterval: number;
  readonly devices: readonly DeviceInfo[];
  /** Layers offloaded from the CPU. The output layer counts as one layer. */
  readonly offloadedLayers: number;
  /** Memory by device. Empty if the log of libllama could not be read. */
  readonly placement: readonly Placement[];
  /** The model's Jinja chat template, if any. */
  readonly chatTemplate: string | null;
  /** The model's Jinja template for conversations with tools, if any. */
  readonly toolTemplate: string | null;
  readonly bosText: string;
  readonly eosText: string;
  /** Text of every control token. User text must not be tokenized as one of these. */
  readonly controlTokens: readonly string[];
  /** Fill-in-the-middle tokens, if the vocabulary has them. */
  readonly fim: FillTokens | null;
  /** Tokens that end an answer. */
  readonly endOfGeneration: readonly number[];
  /** Sampling that the model file recommends. */
  readonly recommendedSampling: Partial<Sampling>;
  /** Scalar GGUF metadata values, as text. */
  readonly metadata: Readonly<Record<string, string>>;
  /** What the model reads besides text; absent without a projector. */
  readonly media?: MediaSupport;
  /** The settings of the context. */
  readonly settings: ContextSettings;
  readonly loadMs: number;
  /** Resident memory of the process right after the load, in bytes. */
  readonly processBytes: number;
  /** Fallbacks and limits of the load, one sentence each. */
  readonly notes: readonly string[];
}
