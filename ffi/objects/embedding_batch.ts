import { LlamaBatch } from "../generated/structs.ts";
import { address } from "../memory/memory.ts";

/**
 * Input of one `llama_decode`: embeddings of one sequence in place of tokens. libllama takes no tokens and
 * embeddings in one batch.
 */
export class EmbeddingBatch {
  readonly length: number;
  /** None of the embeddings has logits. */
  readonly outputCount = 0;
  readonly #struct = new LlamaBatch();
  /** C reads these through addresses. */
  readonly #keepAlive: readonly unknown[];

  /**
   * @param rows embeddings, one after the other
   * @param width values of an embedding
   * @param positions a position for each embedding; with M-RoPE four, one dimension after the other
   */
  constructor(
    rows: Float32Array<ArrayBuffer>,
    width: number,
    positions: Int32Array<ArrayBuffer>,
    sequence: number,
  ) {
    this.length = rows.length / width;
    const sequences = new Int32Array([sequence]);
    const counts = new Int32Array(this.length).fill(1);
    const pointers = new BigUint64Array(this.length).fill(address(sequences));
    const outputs = new Int8Array(this.length);
    this.#keepAlive = [rows, positions, sequences, counts, pointers, outputs];
    this.#struct.n_tokens = this.length;
    this.#struct.embd = address(rows);
    this.#struct.pos = address(positions);
    this.#struct.n_seq_id = address(counts);
    this.#struct.seq_id = address(pointers);
    this.#struct.logits = address(outputs);
  }

  /** @internal The struct as `llama_decode` takes it. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#struct.bytes;
  }
}
