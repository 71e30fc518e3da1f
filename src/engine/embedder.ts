import {
  Batch,
  type Context,
  type Library,
  LLAMA_POOLING_TYPE,
  type Model,
} from "../../ffi/mod.ts";
import { ShimmyError } from "../errors.ts";
import type { Embedding, EmbedRequest } from "./protocol.ts";

/** Sequences in one computation, at most. */
const SEQUENCES = 16;
/** Tokens in one computation, at most; one input may not have more. */
const MOST_TOKENS = 8192;
/** The same for a model that was made to generate, whose buffers for so many tokens would be large. */
const MOST_TOKENS_GENERATIVE = 2048;

/** An embedding request on its way: its inputs as token ids, and what was computed so far. */
export interface EmbedJob {
  readonly call: number;
  readonly request: EmbedRequest;
  readonly inputs: readonly (readonly number[])[];
  readonly vectors: Embedding[];
}

/**
 * Computes embeddings, or scores of a reranking model, in a context of its own, which is made when the
 * first one is asked for.
 *
 * The pooling is the model's. A model that was made to generate names none: the mean over its tokens
 * serves there.
 */
export class Embedder implements Disposable {
  readonly #context: Context;
  readonly #batch: Batch;
  readonly #length: number;
  /** Values of a result: the embedding's length, or the number of scores. */
  readonly width: number;
  readonly isRanking: boolean;

  constructor(library: Library, model: Model, threads: number) {
    const own = model.poolingType ?? LLAMA_POOLING_TYPE.NONE;
    const most = own > 0 ? MOST_TOKENS : MOST_TOKENS_GENERATIVE;
    const tokens = Math.min(model.trainedContext || most, most);
    this.#context = model.createContext((parameters) => {
      parameters.embeddings = true;
      parameters.n_ctx = tokens;
      // Attention without a causal order needs a whole sequence in one physical batch.
      parameters.n_batch = tokens;
      parameters.n_ubatch = tokens;
      parameters.n_seq_max = SEQUENCES;
      parameters.kv_unified = true;
      parameters.n_threads = threads;
      parameters.n_threads_batch = threads;
      parameters.no_perf = true;
      // Where none is asked for, libllama takes the model's own.
      if (own <= 0) parameters.pooling_type = LLAMA_POOLING_TYPE.MEAN;
    });
    this.#length = Math.min(tokens, this.#context.batchSize);
    this.#batch = new Batch(this.#length);
    this.isRanking = own === LLAMA_POOLING_TYPE.RANK;
    this.width = this.isRanking
      ? library.llama.llama_model_n_cls_out(model.handle)
      : model.embeddingOutputLength;
  }

  /** @throws {ShimmyError} `context_length` for an input that is too long, with both numbers. */
  check(inputs: readonly (readonly number[])[]): void {
    inputs.forEach((tokens, index) => {
      const field = `input[${index}]`;
      if (tokens.length === 0) {
        throw new ShimmyError("invalid", `${field}: must not be empty`, { field });
      }
      if (tokens.length <= this.#length) return;
      throw new ShimmyError(
        "context_length",
        `${field} has ${tokens.length} tokens, but the model takes ${this.#length}`,
        { field },
      );
    });
  }

  /** Computes as many of a job's inputs as fit together. @returns whether all are done. */
  step(job: EmbedJob): boolean {
    this.#batch.clear();
    const first = job.vectors.length;
    let count = 0;
    for (const tokens of job.inputs.slice(first, first + SEQUENCES)) {
      if (tokens.length > this.#batch.room) break;
      tokens.forEach((token, position) => this.#batch.add(token, position, count, true));
      count++;
    }
    this.#context.decode(this.#batch);
    for (let sequence = 0; sequence < count; sequence++) {
      const values = this.#context.pooledEmbedding(sequence, this.width);
      const asked = job.request.normalize && !this.isRanking;
      job.vectors.push(asked ? normalized(values) : values.slice());
    }
    this.#context.clear();
    return job.vectors.length === job.inputs.length;
  }

  [Symbol.dispose](): void {
    this.#context.close();
  }
}

/** The vector with length 1 (Euclidean); one of zeros stays as it is. */
function normalized(values: Float32Array): Float32Array<ArrayBuffer> {
  let sum = 0;
  for (const value of values) sum += value * value;
  const factor = sum > 0 ? 1 / Math.sqrt(sum) : 0;
  return Float32Array.from(values, (value) => value * factor);
}
