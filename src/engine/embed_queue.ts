import { ShimmyError } from "../errors.ts";
import type { Embedder, EmbedJob } from "./embedder.ts";
import type { LoadedModel } from "./load.ts";
import type { EmbedRequest, EmbedResult } from "./protocol.ts";

/** Requests that may wait; more are refused. */
const QUEUE_LIMIT = 64;

/** Embedding requests, computed one batch at a time between the steps of the token loop. */
export class EmbedQueue {
  readonly #model: LoadedModel;
  readonly #answer: (call: number, result: EmbedResult) => void;
  readonly #refuse: (call: number, error: unknown) => void;
  readonly #jobs: EmbedJob[] = [];
  #embedder: Embedder | null = null;

  constructor(
    model: LoadedModel,
    answer: (call: number, result: EmbedResult) => void,
    refuse: (call: number, error: unknown) => void,
  ) {
    this.#model = model;
    this.#answer = answer;
    this.#refuse = refuse;
  }

  get hasWork(): boolean {
    return this.#jobs.length > 0;
  }

  submit(call: number, request: EmbedRequest): void {
    try {
      if (this.#jobs.length >= QUEUE_LIMIT) {
        throw new ShimmyError("overloaded", "The queue is full: try again later", {
          retryAfter: 1,
        });
      }
      const embedder = this.#embedder ??= this.#model.createEmbedder();
      const { tokenizer } = this.#model;
      const inputs = request.inputs.map((input) =>
        "query" in input
          ? tokenizer.encodePair(input.query, input.document)
          : tokenizer.encodeWhole(input.parts)
      );
      if (request.inputs.some((input) => "query" in input) && !embedder.isRanking) {
        throw new ShimmyError("invalid", "model: does not score documents; it is no reranker", {
          field: "model",
        });
      }
      embedder.check(inputs);
      if (inputs.length === 0) this.#answer(call, { vectors: [], tokens: [] });
      else this.#jobs.push({ call, request, inputs, vectors: [] });
    } catch (error) {
      this.#refuse(call, error);
    }
  }

  /** Computes one batch of the oldest request. */
  step(): void {
    const job = this.#jobs[0];
    if (job === undefined) return;
    try {
      if (!this.#embedder!.step(job)) return;
      this.#jobs.shift();
      this.#answer(job.call, {
        vectors: job.vectors,
        tokens: job.inputs.map((input) => input.length),
      });
    } catch (error) {
      this.#jobs.shift();
      this.#refuse(job.call, error);
    }
  }
}
