/** The rows of a stream in a batch. */
export interface StreamRows {
  readonly stream: number;
  /** Tokens before them in the stream. */
  readonly before: number;
  readonly count: number;
}

/** Rows that libllama computes together (`llama_ubatch`): equally many of each stream. */
export interface MicroBatch {
  readonly streams: number;
  /** Rows of each stream. */
  readonly rows: number;
  /** Mean tokens before the rows of a stream. */
  readonly context: number;
}

/**
 * A batch that keeps which rows it has. It is the part of `Batch` that the engine's rules for batches use, without
 * tokens.
 */
export class SimulatedBatch {
  #rows: StreamRows[] = [];
  #length = 0;

  /** @param capacity maximum tokens */
  constructor(readonly capacity: number) {}

  get length(): number {
    return this.#length;
  }

  get room(): number {
    return this.capacity - this.#length;
  }

  /** The rows of each stream, in the order in which they were added. */
  get rows(): readonly StreamRows[] {
    return this.#rows;
  }

  clear(): void {
    this.#rows = [];
    this.#length = 0;
  }

  add(_token: number, position: number, stream: number): number {
    const last = this.#rows.at(-1);
    if (last?.stream === stream) {
      this.#rows[this.#rows.length - 1] = { ...last, count: last.count + 1 };
    } else this.#rows.push({ stream, before: position, count: 1 });
    return this.#length++;
  }
}

/**
 * Splits a batch as libllama does where each sequence has a KV stream of its own
 * (`llama_batch_allocr::split_equal` with `sequential`): a micro-batch takes streams with consecutive ids, and as many
 * rows of each as the shortest of them has.
 *
 * @param most maximum rows of a micro-batch, `n_ubatch`
 */
export function microBatches(rows: readonly StreamRows[], most: number): MicroBatch[] {
  const left = rows.map((one) => ({ ...one }));
  const found: MicroBatch[] = [];
  for (let first; (first = left.findIndex(({ count }) => count > 0)) !== -1;) {
    const members = [left[first]!];
    for (const one of left.slice(first + 1)) {
      const isNext = one.count > 0 && one.stream === members.at(-1)!.stream + 1;
      if (isNext && members.length < most) members.push(one);
    }
    const streams = members.length;
    const shortest = Math.min(...members.map(({ count }) => count));
    const count = Math.min(shortest, Math.max(1, Math.floor(most / streams)));
    const context = members.reduce((sum, { before }) => sum + before, 0) / streams;
    found.push({ streams, rows: count, context });
    for (const member of members) {
      member.before += count;
      member.count -= count;
    }
  }
  return found;
}
