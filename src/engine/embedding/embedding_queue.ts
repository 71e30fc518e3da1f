import { ShimmyError } from "../../errors.ts";
import type { Adapters, AdapterSet } from "../adapters/mod.ts";
import type { Embedder } from "./embedder.ts";
import { LONG_TEXT, type Tokenizer } from "../tokenizer/mod.ts";
import type {
  Embedding,
  EmbeddingStatus,
  EmbedInput,
  EmbedRequest,
  EmbedResult,
} from "../protocol/mod.ts";

/** Maximum requests in the queue; more are refused. */
const QUEUE_LIMIT = 512;

/** The parts of a loaded model that embeddings need. */
export interface EmbeddingModel {
  readonly tokenizer: Tokenizer;
  readonly adapters: Adapters;
  readonly embedder: Embedder;
}

/**
 * Runs work that waits for another thread, after earlier work of the kind. Meanwhile the engine thread goes on.
 *
 * @param work handles its own errors.
 * @param end runs after it.
 */
export type RunBeside = (work: () => Promise<void>, end: () => void) => void;

/** A queued request: its tokenized inputs and the results so far. */
interface Job {
  readonly call: number;
  readonly request: EmbedRequest;
  readonly adapters: AdapterSet;
  readonly inputs: readonly (readonly number[])[];
  readonly vectors: Embedding[];
  /** Inputs in the current batch. */
  taken: number;
}

/**
 * Queue of embedding requests, computed one batch at a time between the steps of the scheduler
 * loop. A batch takes inputs of the waiting requests round-robin, so small requests are batched
 * together and do not wait for large ones.
 */
export class EmbeddingQueue {
  readonly #model: EmbeddingModel;
  readonly #onResult: (call: number, result: EmbedResult) => void;
  readonly #onError: (call: number, error: unknown) => void;
  readonly #beside: RunBeside;
  #jobs: Job[] = [];
  /** Requests whose texts another thread tokenizes. */
  readonly #encoding = new Map<number, EmbedRequest>();

  constructor(
    model: EmbeddingModel,
    answer: (call: number, result: EmbedResult) => void,
    refuse: (call: number, error: unknown) => void,
    beside: RunBeside,
  ) {
    this.#model = model;
    this.#onResult = answer;
    this.#onError = refuse;
    this.#beside = beside;
  }

  get hasWork(): boolean {
    return this.#jobs.length > 0;
  }

  /** Null until something is computed. */
  status(): EmbeddingStatus | null {
    const encoding = this.#encoding.values().reduce((sum, { inputs }) => sum + inputs.length, 0);
    const queued = this.#jobs.reduce(
      (sum, job) => sum + job.inputs.length - job.vectors.length,
      encoding,
    );
    const { embedder } = this.#model;
    const status = embedder.status(queued);
    return status.contexts === 0 ? null : status;
  }

  submit(call: number, request: EmbedRequest): void {
    try {
      if (this.#jobs.length + this.#encoding.size >= QUEUE_LIMIT) {
        throw new ShimmyError(
          "overloaded",
          `The queue is full: ${QUEUE_LIMIT} requests are waiting`,
          {
            retryAfter: 1,
          },
        );
      }
      for (const input of request.inputs) checkAbility(input, this.#model.embedder);
      if (textLength(request) >= LONG_TEXT) return this.#encodeBeside(call, request);
      const { tokenizer } = this.#model;
      this.#add(
        call,
        request,
        request.inputs.map((input) => this.#fitted(input, tokenizer.encodeInput(input), request)),
      );
    } catch (error) {
      this.#onError(call, error);
    }
  }

  /** Tokenizes the texts of a request in another thread, so that running sequences do not wait. */
  #encodeBeside(call: number, request: EmbedRequest): void {
    this.#encoding.set(call, request);
    const inputs: (readonly number[])[] = [];
    let failure: { readonly error: unknown } | null = null;
    const encode = async () => {
      try {
        for (const input of request.inputs) {
          if (!this.#encoding.has(call)) return;
          const tokens = await this.#model.tokenizer.encodeInputAsync(input);
          inputs.push(this.#fitted(input, tokens, request));
        }
      } catch (error) {
        failure = { error };
      }
    };
    this.#beside(encode, () => {
      // Without the call, the request was cancelled meanwhile.
      if (!this.#encoding.delete(call)) return;
      try {
        if (failure !== null) throw failure.error;
        this.#add(call, request, inputs);
      } catch (error) {
        this.#onError(call, error);
      }
    });
  }

  #add(call: number, request: EmbedRequest, inputs: readonly (readonly number[])[]): void {
    if (inputs.length === 0) return this.#onResult(call, { vectors: [], tokens: [] });
    const adapters = this.#model.adapters.acquire(request.loras);
    this.#jobs.push({ call, request, adapters, inputs, vectors: [], taken: 0 });
  }

  /** Cancels a request unless it is complete. */
  cancel(call: number): void {
    const job = this.#jobs.find((one) => one.call === call);
    if (job !== undefined) this.#drop(job);
    else if (!this.#encoding.delete(call)) return;
    this.#onError(call, new ShimmyError("cancelled", "The request was cancelled"));
  }

  /**
   * The tokens of an input, truncated to the limit if the request allows it.
   * @throws {ShimmyError} `invalid`, or `context_length` with both token counts.
   */
  #fitted(
    { field }: EmbedInput,
    tokens: readonly number[],
    { truncate = false, contextLength = Infinity }: EmbedRequest,
  ): readonly number[] {
    const { tokenizer, embedder } = this.#model;
    if (tokens.length === 0) {
      throw new ShimmyError("invalid", `${field}: must not be empty`, { field });
    }
    const limit = Math.min(embedder.limit, contextLength);
    if (tokens.length <= limit) return tokens;
    if (truncate) return tokenizer.truncate(tokens, limit);
    throw new ShimmyError(
      "context_length",
      `${field} has ${tokens.length} tokens, but the ` +
        `${limit < embedder.limit ? "context of the request holds" : "model takes"} ${limit}`,
      { field },
    );
  }

  /** Computes one batch. */
  step(): void {
    const members = this.#selectBatch();
    if (members.length === 0) return;
    const inputs = members.map(({ job, index }) => job.inputs[index]!);
    try {
      const vectors = this.#model.embedder.compute(inputs, members[0]!.job.adapters);
      // The round-robin keeps the inputs of each request in their order.
      members.forEach(({ job }, at) => {
        const asked = job.request.normalize && !this.#model.embedder.isRanking;
        job.vectors.push(asked ? normalized(vectors[at]!) : Float32Array.from(vectors[at]!));
      });
    } catch (error) {
      for (const job of new Set(members.map(({ job }) => job))) {
        this.#drop(job);
        this.#onError(job.call, error);
      }
    }
    this.#finish();
  }

  /** Selects the inputs of a batch, starting with the first request of the queue. */
  #selectBatch(): { readonly job: Job; readonly index: number }[] {
    const { batchSize, sequences } = this.#model.embedder;
    const [first] = this.#jobs;
    if (first === undefined) return [];
    const jobs = this.#jobs.filter(({ adapters }) => adapters.key === first.adapters.key);
    const members: { readonly job: Job; readonly index: number }[] = [];
    let room = batchSize;
    for (const job of jobs) job.taken = 0;
    for (let took = true; took;) {
      took = false;
      for (const job of jobs) {
        const index = job.vectors.length + job.taken;
        const length = job.inputs[index]?.length;
        if (length === undefined || members.length === sequences) continue;
        // An input longer than a batch is computed alone.
        if (length > room && members.length > 0) continue;
        members.push({ job, index });
        job.taken++;
        room -= length;
        took = true;
      }
    }
    // Rotate, so that another request comes first in the next batch.
    this.#jobs.push(this.#jobs.shift()!);
    return members;
  }

  /** Completes requests whose inputs are all computed. */
  #finish(): void {
    for (
      const job of this.#jobs.filter(({ inputs, vectors }) => vectors.length === inputs.length)
    ) {
      this.#drop(job);
      this.#onResult(job.call, {
        vectors: job.vectors,
        tokens: job.inputs.map(({ length }) => length),
      });
    }
  }

  #drop(job: Job): void {
    this.#jobs = this.#jobs.filter((one) => one !== job);
    this.#model.adapters.release(job.adapters);
  }
}

/** Characters of all texts of a request. */
function textLength({ inputs }: EmbedRequest): number {
  let length = 0;
  for (const input of inputs) {
    if ("query" in input) length += input.query.length + input.document.length;
    else if ("text" in input) length += input.text.length;
  }
  return length;
}

/** @throws {ShimmyError} `invalid` if the model does not support the kind of input. */
function checkAbility(input: EmbedInput, { isRanking }: Embedder): void {
  const isPair = "query" in input;
  if (isPair === isRanking) return;
  const message = isPair
    ? "model: cannot score documents; it is not a reranking model"
    : "model: cannot compute embeddings; it is a reranking model";
  throw new ShimmyError("invalid", message, { field: "model" });
}

/** The vector scaled to unit length (Euclidean norm); a zero vector stays zero. */
function normalized(values: Float32Array): Embedding {
  let sum = 0;
  for (const value of values) sum += value * value;
  const factor = sum > 0 ? 1 / Math.sqrt(sum) : 0;
  return Float32Array.from(values, (value) => value * factor);
}
