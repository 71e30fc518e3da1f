import type { Placement } from "./placement.ts";
import type { LoraChoice } from "./adapters.ts";

/**
 * One input: a text, token ids, or a query and a document for a reranking model to score. `field`
 * is the name of the input in the request, for error messages.
 */
export type EmbedInput =
  & { readonly field: string }
  & (
    /** `special`: parse the text for control tokens. Default false. */
    | { readonly text: string; readonly special?: boolean }
    | { readonly tokens: readonly number[] }
    | { readonly query: string; readonly document: string }
  );

export interface EmbedRequest {
  readonly inputs: readonly EmbedInput[];
  /** Scale each embedding to unit length. Scores are not scaled. */
  readonly normalize: boolean;
  /** Truncate inputs over the limit at their end instead of refusing them. Default false. */
  readonly truncate?: boolean;
  /** Maximum tokens of an input. Default: the limit of the model. */
  readonly contextLength?: number;
  /** Adapters for this request, in place of the adapters with a default scale. */
  readonly loras?: readonly LoraChoice[] | undefined;
}

/** An embedding, or the scores of a reranking model. */
export type Embedding = Float32Array<ArrayBuffer>;

/** One vector and one token count per input, in the order of the inputs. */
export interface EmbedResult {
  readonly vectors: readonly Embedding[];
  readonly tokens: readonly number[];
}

/** Memory of a context on one device, in bytes. */
export type ContextMemory =
  & Pick<Placement, "device">
  & { readonly kvBytes: number; readonly computeBytes: number };

/** Status of the embedding context, which is separate from the generation context. */
export interface EmbeddingStatus {
  /** Inputs in the queue. */
  readonly queued: number;
  /** Inputs computed so far, their tokens, and the number of `llama_decode` calls. */
  readonly inputs: number;
  readonly tokens: number;
  readonly batches: number;
  /** Maximum tokens of one input. */
  readonly inputLimit: number;
  /** Current context size in tokens. A longer input recreates the context with a larger size. */
  readonly contextLength: number;
  /** How many times the context was created. */
  readonly contexts: number;
  /** Memory as reported in the log of libllama; null if the log cannot be read. */
  readonly memory: readonly ContextMemory[] | null;
}
