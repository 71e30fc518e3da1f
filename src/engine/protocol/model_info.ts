import type { DeviceInfo, Placement } from "./placement.ts";

/** What is known of a model once it is loaded. */
export interface ModelInfo {
  /** What it can do: generate text, make vectors of texts, or score documents. */
  readonly kind: "language" | "embedding" | "rerank";
  /** The library's own description, e.g. `llama 2.6M Q4_K - Medium`. */
  readonly description: string;
  readonly architecture: string;
  /** Number of parameters. */
  readonly parameters: number;
  /** Bytes of all tensors. */
  readonly size: number;
  readonly vocabularySize: number;
  readonly embeddingLength: number;
  readonly layers: number;
  /** Tokens the model was trained on in one context. */
  readonly trainedContext: number;
  /** Tokens one sequence may hold now. */
  readonly contextLength: number;
  readonly parallel: number;
  readonly batchSize: number;
  readonly threads: number;
  readonly devices: readonly DeviceInfo[];
  /** Layers placed on devices that are not the CPU; the output counts as one. */
  readonly offloadedLayers: number;
  /** What lies where; empty where the library's log could not be read. */
  readonly placement: readonly Placement[];
  /** The model's own Jinja template, if it carries one. */
  readonly chatTemplate: string | null;
  /** A second template for conversations with tools, if it carries one. */
  readonly toolTemplate: string | null;
  readonly bosText: string;
  readonly eosText: string;
  /** Text of every control token: what must never be read as one in a user's text. */
  readonly controlTokens: readonly string[];
  /** Fill-in-the-middle tokens, where the vocabulary has them. */
  readonly fim:
    | { readonly prefix: number; readonly suffix: number; readonly middle: number }
    | null;
  /** Metadata keys with scalar values, as text. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly loadMs: number;
  /** Resident memory of the process that holds it, in bytes, right after loading. */
  readonly processBytes: number;
  /** What fell back or was limited while loading, one sentence each. */
  readonly notes: readonly string[];
}
