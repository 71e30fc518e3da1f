import { Batch, LLAMA_POOLING_TYPE, type Model } from "../../../ffi/mod.ts";
import { ShimmyError } from "../../errors.ts";
import type { AdapterSet } from "../adapters/mod.ts";
import { DEFAULT_BATCH } from "../model/mod.ts";
import {
  createEmbeddingContext,
  type EmbeddingContext,
  type EmbeddingResources,
} from "./embedding_context.ts";
import type { EmbeddingStatus, LoadOptions } from "../protocol/mod.ts";

/** Sequences in one computation, at most: `LLAMA_MAX_SEQ` of llama-cparams.h. */
const MAX_SEQUENCES = 256;
/** Tokens of an input, at most, unless more are asked for: attention takes memory by their square. */
const MAX_TOKENS = 8192;
/** The same for a model that was made to generate, which computes logits for each of them too. */
const MAX_TOKENS_GENERATIVE = 2048;

/**
 * Computes embeddings, or scores of a reranking model, in a context of its own, which is made for the
 * first one and made anew for longer ones.
 *
 * The pooling is the model's. A model that was made to generate names none: the mean over its tokens
 * serves there.
 */
export class Embedder implements Disposable {
  readonly #resources: EmbeddingResources;
  /** Values of a result: the embedding's length, or the number of scores. */
  readonly #width: number;
  readonly isRanking: boolean;
  /** Tokens an input may have. */
  readonly limit: number;
  /**
   * Tokens to compute together. More would only make attention longer, which goes over all of a batch
   * before it leaves out what belongs to other inputs.
   */
  readonly batchSize: number;
  /** Sequences that may be computed together. */
  readonly sequences: number;
  #current: (EmbeddingContext & { readonly batch: Batch }) | null = null;
  #contexts = 0;
  #inputs = 0;
  #tokens = 0;
  #batches = 0;

  /** @param generative tokens a sequence may hold where the model generates; null where it does not. */
  constructor(resources: EmbeddingResources, generative: number | null) {
    const { model, options } = resources;
    this.#resources = resources;
    this.isRanking = model.poolingType === LLAMA_POOLING_TYPE.RANK;
    this.#width = this.isRanking ? model.scoreCount : model.embeddingOutputLength;
    const sizes = embeddingSizes(model, options, generative);
    this.limit = sizes.limit;
    this.batchSize = sizes.batchSize;
    this.sequences = sizes.sequences;
  }

  /**
   * Makes everything ready for inputs of a usual length.
   * @throws {ShimmyError} `backend` where that cannot be.
   */
  prepare(): void {
    this.#contextFor(this.batchSize);
  }

  /**
   * Computes inputs together: as many sequences as are allowed, and as many tokens as belong together or
   * one longer input.
   * @returns vectors that are valid until the next computation, in the order of the inputs.
   */
  compute(inputs: readonly (readonly number[])[], adapters: AdapterSet): Float32Array[] {
    const tokens = inputs.reduce((sum, { length }) => sum + length, 0);
    const { context, batch } = this.#contextFor(tokens);
    this.#resources.adapters.apply(adapters, context);
    batch.clear();
    inputs.forEach((input, sequence) => {
      input.forEach((token, position) => batch.add(token, position, sequence, true));
    });
    const outcome = context.decode(batch);
    this.#batches++;
    if (outcome === "aborted") throw new ShimmyError("cancelled", "The model is being unloaded");
    if (outcome === "full") throw new ShimmyError("backend", "The inputs do not fit the context");
    const vectors = inputs.map((_, sequence) => context.pooledEmbedding(sequence, this.#width));
    context.clear();
    this.#inputs += inputs.length;
    this.#tokens += tokens;
    return vectors;
  }

  #contextFor(tokens: number): EmbeddingContext & { readonly batch: Batch } {
    const room = this.#current?.batch.capacity ?? 0;
    if (this.#current !== null && tokens <= room) return this.#current;
    this.#close();
    const wanted = Math.min(this.limit, Math.max(this.batchSize, nextPowerOfTwo(tokens)));
    const size = roundUpTo(this.sequences, wanted);
    const made = createEmbeddingContext(this.#resources, size, this.sequences);
    this.#contexts++;
    return this.#current = { ...made, batch: new Batch(size) };
  }

  #close(): void {
    if (this.#current === null) return;
    this.#resources.adapters.forget(this.#current.context);
    this.#current.context.close();
    this.#current = null;
  }

  status(queued: number): EmbeddingStatus {
    return {
      queued,
      inputs: this.#inputs,
      tokens: this.#tokens,
      batches: this.#batches,
      inputLimit: this.limit,
      contextLength: this.#current?.batch.capacity ?? 0,
      contexts: this.#contexts,
      memory: this.#current?.memory ?? null,
    };
  }

  [Symbol.dispose](): void {
    this.#close();
  }
}

/** What an {@linkcode Embedder} computes together, in tokens and sequences. */
function embeddingSizes(
  model: Pick<Model, "trainedContext" | "isRecurrent">,
  options: Pick<LoadOptions, "contextLength" | "batchSize">,
  generative: number | null,
) {
  const limit = inputLimit(model.trainedContext, options.contextLength, generative);
  const batchSize = Math.min(limit, options.batchSize || DEFAULT_BATCH);
  // A state that cannot be shared is there once for each sequence.
  const sequences = model.isRecurrent ? 1 : Math.min(MAX_SEQUENCES, batchSize);
  return { limit, batchSize, sequences };
}

/** The size of the context that an encoder has as soon as it is loaded. */
export function initialContextSize(...about: Parameters<typeof embeddingSizes>) {
  const { batchSize, sequences } = embeddingSizes(...about);
  return { tokens: roundUpTo(sequences, batchSize), sequences };
}

/** libllama ends the process where the sequences do not divide what it reserves for the mean. */
function roundUpTo(sequences: number, tokens: number): number {
  return Math.ceil(tokens / sequences) * sequences;
}

/** Positions beyond the training have no weights in many encoders: the limit is the training's at most. */
function inputLimit(trained: number, asked: number, generative: number | null): number {
  const most = generative !== null
    ? Math.min(generative, MAX_TOKENS_GENERATIVE)
    : asked > 0
    ? asked
    : MAX_TOKENS;
  return trained > 0 ? Math.min(trained, most) : most;
}

function nextPowerOfTwo(count: number): number {
  return 2 ** Math.ceil(Math.log2(count));
}
