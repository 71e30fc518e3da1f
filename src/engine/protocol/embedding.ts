import type { Placement } from "./placement.ts";
import type { LoraChoice } from "./adapters.ts";

/**
 * What to embed: a text, token ids as they are, or a query with a document that a reranking model scores
 * for it. The field is what the request calls it, for errors.
 */
export type EmbedInput =
  & { readonly field: string }
  & (
    | { readonly text: string }
    | { readonly tokens: readonly number[] }
    | { readonly query: string; readonly document: string }
  );

export interface EmbedRequest {
  readonly inputs: readonly EmbedInput[];
  /** Scale each embedding to length 1. Scores are left as they are. */
  readonly normalize: boolean;
  /** Cut what is too long at its end instead of refusing it. Default false. */
  readonly truncate?: boolean;
  /** Adapters to compute with, in place of those that are loaded with a scale of their own. */
  readonly loras?: readonly LoraChoice[] | undefined;
}

/** An embedding, or the scores of a reranking model. */
export type Embedding = Float32Array<ArrayBuffer>;

/** One vector and one number of tokens for each input. */
export interface EmbedResult {
  readonly vectors: readonly Embedding[];
  readonly tokens: readonly number[];
}

/** What a context takes on a device, in bytes. */
export type ContextMemory =
  & Pick<Placement, "device">
  & { readonly kvBytes: number; readonly computeBytes: number };

/** The context that computes embeddings and scores, which is another one than what generates. */
export interface EmbeddingStatus {
  /** Inputs that wait. */
  readonly queued: number;
  /** Inputs that were computed, their tokens, and the native calls it took. */
  readonly inputs: number;
  readonly tokens: number;
  readonly batches: number;
  /** Tokens an input may have. */
  readonly inputLimit: number;
  /** Tokens the context has room for now; it is made anew, larger, for longer inputs. */
  readonly contextLength: number;
  /** How often it was made. */
  readonly contexts: number;
  /** What it takes, as libllama says; null where its log could not be read. */
  readonly memory: readonly ContextMemory[] | null;
}
