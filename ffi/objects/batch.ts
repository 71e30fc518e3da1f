import { LlamaBatch } from "../generated/structs.ts";
import { address } from "../memory/memory.ts";

/**
 * Input of one `llama_decode`: tokens of any number of sequences, one sequence per token.
 *
 * The arrays are JavaScript memory that lives as long as the batch, so adding tokens needs no
 * native call.
 */
export class Batch {
  readonly #tokens: Int32Array<ArrayBuffer>;
  readonly #positions: Int32Array<ArrayBuffer>;
  readonly #sequences: Int32Array<ArrayBuffer>;
  readonly #outputs: Int8Array<ArrayBuffer>;
  /** C reads these through addresses in `#struct`; the references keep them alive. */
  readonly #sequenceCounts: Int32Array<ArrayBuffer>;
  readonly #sequencePointers: BigUint64Array<ArrayBuffer>;
  readonly #struct = new LlamaBatch();
  #length = 0;
  #outputCount = 0;

  /** @param capacity maximum tokens, `n_batch`. */
  constructor(readonly capacity: number) {
    this.#tokens = new Int32Array(capacity);
    this.#positions = new Int32Array(capacity);
    this.#sequences = new Int32Array(capacity);
    this.#outputs = new Int8Array(capacity);
    this.#sequenceCounts = new Int32Array(capacity).fill(1);
    this.#sequencePointers = new BigUint64Array(capacity);
    const base = address(this.#sequences);
    for (let i = 0; i < capacity; i++) this.#sequencePointers[i] = base + BigInt(i * 4);
    this.#struct.token = address(this.#tokens);
    this.#struct.pos = address(this.#positions);
    this.#struct.n_seq_id = address(this.#sequenceCounts);
    this.#struct.seq_id = address(this.#sequencePointers);
    this.#struct.logits = address(this.#outputs);
  }

  /** Number of tokens. */
  get length(): number {
    return this.#length;
  }

  /** Number of tokens that can be added. */
  get room(): number {
    return this.capacity - this.#length;
  }

  /** Number of tokens with logits. */
  get outputCount(): number {
    return this.#outputCount;
  }

  clear(): void {
    this.#length = 0;
    this.#outputCount = 0;
  }

  /**
   * Adds a token of a sequence at a position.
   * @returns its index in the batch, for reading its logits after decoding.
   */
  add(token: number, position: number, sequence: number, output: boolean): number {
    const index = this.#length++;
    this.#tokens[index] = token;
    this.#positions[index] = position;
    this.#sequences[index] = sequence;
    this.#outputs[index] = output ? 1 : 0;
    if (output) this.#outputCount++;
    return index;
  }

  /** @internal The struct as `llama_decode` takes it. */
  get bytes(): Uint8Array<ArrayBuffer> {
    this.#struct.n_tokens = this.#length;
    return this.#struct.bytes;
  }
}
