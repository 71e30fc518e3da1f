import { Batch, LLAMA_POOLING_TYPE, type Model } from "../../../ffi/mod.ts";
import { ShimmyError } from "../../errors.ts";
import type { AdapterSet } from "../adapters/mod.ts";
import { DEFAULT_BATCH } from "../model/mod.ts";
import {
  createEmbeddingContext,
  type EmbeddingContext,
  type EmbeddingResources,
} from "./embedding_context.ts";
import { type EmbeddingStatus, type LoadOptions, unloadedError } from "../protocol/mod.ts";

/** Maximum sequences in one batch: `LLAMA_MAX_SEQ` of llama-cparams.h. */
const MAX_SEQUENCES = 256;
/** Default maximum tokens of one input. Attention memory grows with the square. */
const MAX_TOKENS = 8192;
/** The same for generative models, which also compute logits for each token. */
const MAX_TOKENS_GENERATIVE = 2048;

/**
 * Computes embeddings, or scores of a reranking model, in a separate context. The context is
 * created for the first input and recreated for longer inputs.
 *
 * The pooling is that of the model. Generative models define no pooling; they use the mean over the
 * tokens.
 */
export class Embedder implements Disposable {
  readonly #resources: EmbeddingResources;
  /** Values per result: the embedding length, or the number of scores. */
  readonly #width: number;
  readonly isRanking: boolean;
  /** Maximum tokens of one input. */
  readonly limit: number;
  /**
   * Maximum tokens per batch. More would only slow down attention, which computes over the whole
   * batch before it masks other inputs.
   */
  readonly batchSize: number;
  /** Maximum inputs per batch. */
  readonly sequences: number;
  #current: (EmbeddingContext & { readonly batch: Batch }) | null = null;
  #contexts = 0;
  #inputs = 0;
  #tokens = 0;
  #batches = 0;

  /** @param generative maximum tokens of a sequence if the model generates; null if it does not. */
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
   * Creates the context for inputs up to the batch size.
   * @throws {ShimmyError} `backend` if that fails.
   */
  prepare(): void {
    this.#contextFor(this.batchSize);
  }

  /**
   * Computes inputs in one batch: at most `sequences` inputs with at most `batchSize` tokens in
   * total, or one longer input.
   * @returns vectors in the order of the inputs, valid until the next call.
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
    if (outcome === "aborted") throw unloadedError();
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

/** Batch limits of an {@linkcode Embedder}. */
function embeddingSizes(
  model: Pick<Model, "trainedContext" | "isRecurrent">,
  options: Pick<LoadOptions, "contextLength" | "batchSize">,
  generative: number | null,
) {
  const limit = inputLimit(model.trainedContext, options.contextLength, generative);
  const batchSize = Math.min(limit, options.batchSize || DEFAULT_BATCH);
  // A recurrent state exists once per sequence.
  const sequences = model.isRecurrent ? 1 : Math.min(MAX_SEQUENCES, batchSize);
  return { limit, batchSize, sequences };
}

/** Size of the context of an encoder right after the load. */
export function initialContextSize(...about: Parameters<typeof embeddingSizes>) {
  const { batchSize, sequences } = embeddingSizes(...about);
  return { tokens: roundUpTo(sequences, batchSize), sequences };
}

/** libllama aborts if the reserved tokens are not a multiple of the sequences (mean pooling). */
function roundUpTo(sequences: number, tokens: number): number {
  return Math.ceil(tokens / sequences) * sequences;
}

/** Many encoders have no weights for positions beyond the trained length. */
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
