import { LLAMA_STATE_SEQ_FLAGS_PARTIAL_ONLY } from "../generated/constants.ts";
import type { Batch } from "./batch.ts";
import { NativeError } from "../library/error.ts";
import type { Library } from "../library/library.ts";
import type { LoraAdapter } from "./lora.ts";
import { floatsAt, PointerArray } from "../memory/memory.ts";
import type { ThreadPool } from "../backends/thread_pool.ts";

/** Result of a decode. Other results are thrown. */
export type DecodeOutcome =
  | "done"
  /** No room in the KV cache, whose state is unchanged. */
  | "full"
  /** The abort flag is set; the KV cache may hold a part of the batch. */
  | "aborted";

/** A context: KV cache, compute buffers, outputs. Close it before its model. */
export class Context implements Disposable {
  readonly #library: Library;
  #handle: Deno.PointerValue;
  readonly #memory: Deno.PointerValue;
  /** Memory that C reads while the context exists. */
  readonly #keepAlive: unknown;
  readonly #vocabularySize: number;

  /** Total KV cells (`n_ctx`). */
  readonly contextLength: number;
  /** Maximum tokens of one sequence. */
  readonly sequenceLength: number;
  readonly batchSize: number;
  readonly maxSequences: number;

  /** @internal Made by `Model.createContext`. */
  constructor(
    library: Library,
    handle: Deno.PointerObject,
    vocabularySize: number,
    keepAlive: unknown,
  ) {
    this.#library = library;
    this.#handle = handle;
    this.#keepAlive = keepAlive;
    this.#vocabularySize = vocabularySize;
    this.#memory = library.llama.llama_get_memory(handle);
    this.contextLength = library.llama.llama_n_ctx(handle);
    this.sequenceLength = library.llama.llama_n_ctx_seq(handle);
    this.batchSize = library.llama.llama_n_batch(handle);
    this.maxSequences = library.llama.llama_n_seq_max(handle);
  }

  /** @internal */
  get handle(): Deno.PointerObject {
    if (this.#handle === null) throw new Error("Cannot use the context: it is closed");
    return this.#handle;
  }

  /** Whether the context has a KV cache. Encoders have none. */
  get hasMemory(): boolean {
    return this.#memory !== null;
  }

  /** Computes a batch (`llama_decode`). */
  decode(batch: Pick<Batch, "bytes" | "length" | "outputCount">): DecodeOutcome {
    const code = this.#library.llama.llama_decode(this.handle, batch.bytes);
    switch (code) {
      case 0:
        return "done";
      case 1:
        return "full";
      case 2:
        return "aborted";
      default:
        throw new NativeError("llama_decode", code, `The model failed to compute (code ${code})`);
    }
  }

  /** Sets whether a token attends only to earlier tokens, the default, or to all of its batch. */
  setCausalAttention(isCausal: boolean): void {
    this.#library.llama.llama_set_causal_attn(this.handle, isCausal);
  }

  /** Waits until the results can be read. */
  synchronize(): void {
    this.#library.llama.llama_synchronize(this.handle);
  }

  /**
   * Logits of an output of the last batch, one per token of the vocabulary. Valid until the next
   * decode.
   */
  logits(index: number): Float32Array {
    const pointer = this.#library.llama.llama_get_logits_ith(this.handle, index);
    if (pointer === null) {
      throw new NativeError("llama_get_logits_ith", null, `No logits for output ${index}`);
    }
    return floatsAt(pointer, this.#vocabularySize);
  }

  /**
   * Pooled embedding of a sequence of the last batch with `width` values. Valid until the next
   * decode.
   */
  pooledEmbedding(sequence: number, width: number): Float32Array<ArrayBuffer> {
    const pointer = this.#library.llama.llama_get_embeddings_seq(this.handle, sequence);
    if (pointer === null) {
      throw new NativeError("llama_get_embeddings_seq", null, "The model gave no embedding");
    }
    return floatsAt(pointer, width);
  }

  /**
   * Removes the tokens of a sequence at positions `from` to `to`, exclusive (-1: to the end).
   * @returns false if a part of a sequence cannot be removed.
   */
  removeTokens(sequence: number, from: number, to: number): boolean {
    return this.#library.llama.llama_memory_seq_rm(this.#memory, sequence, from, to);
  }

  /** Copies a sequence to another one; the data is copied at the next decode. */
  copySequence(source: number, target: number): void {
    this.#library.llama.llama_memory_seq_cp(this.#memory, source, target, -1, -1);
  }

  /** Shifts the positions `from` to `to`, exclusive, of a sequence by `delta`. */
  shiftTokens(sequence: number, from: number, to: number, delta: number): void {
    this.#library.llama.llama_memory_seq_add(this.#memory, sequence, from, to, delta);
  }

  /** Whether positions can be shifted. */
  get canShift(): boolean {
    return this.#library.llama.llama_memory_can_shift(this.#memory);
  }

  /** First position of a sequence; -1 if it is empty. */
  firstPosition(sequence: number): number {
    return this.#library.llama.llama_memory_seq_pos_min(this.#memory, sequence);
  }

  /** Last position of a sequence; -1 if it is empty. */
  lastPosition(sequence: number): number {
    return this.#library.llama.llama_memory_seq_pos_max(this.#memory, sequence);
  }

  /**
   * Number of KV streams: 1 if all sequences share one buffer.
   */
  get streams(): number {
    return Math.round(this.contextLength / this.sequenceLength);
  }

  /**
   * Clears the KV cache.
   * @param data whether to overwrite the cells too, which takes long for a large cache.
   */
  clear(data = true): void {
    if (this.#memory === null) return;
    this.#library.llama.llama_memory_clear(this.#memory, data);
  }

  /**
   * Returns the state of a sequence, for `restoreSequence`.
   * @param room bytes after the state that are left to the caller; they are 0.
   */
  saveSequence(sequence: number, room = 0): Uint8Array<ArrayBuffer> {
    const size = Number(this.#library.llama.llama_state_seq_get_size(this.handle, sequence));
    const bytes = new Uint8Array(size + room);
    const written = this.#library.llama.llama_state_seq_get_data(
      this.handle,
      bytes,
      BigInt(size),
      sequence,
    );
    return withRoom(bytes, Number(written), room);
  }

  /**
   * Bytes of the state of a sequence.
   * @param isPartial without what can be truncated: see `saveCheckpoint`.
   */
  stateBytes(sequence: number, isPartial: boolean): number {
    const flags = isPartial ? LLAMA_STATE_SEQ_FLAGS_PARTIAL_ONLY : 0;
    return Number(this.#library.llama.llama_state_seq_get_size_ext(this.handle, sequence, flags));
  }

  /** Restores a saved state into a sequence. @returns false if it does not fit. */
  restoreSequence(sequence: number, state: Uint8Array<ArrayBuffer>): boolean {
    const read = this.#library.llama.llama_state_seq_set_data(
      this.handle,
      state,
      BigInt(state.length),
      sequence,
    );
    return Number(read) > 0;
  }

  /**
   * Returns the part of a sequence's state that cannot be truncated: the state of recurrent layers and
   * the cells of a small sliding window. `restoreCheckpoint` takes these bytes.
   * @param room bytes after the state that are left to the caller; they are 0.
   */
  saveCheckpoint(sequence: number, room = 0): Uint8Array<ArrayBuffer> {
    const { llama } = this.#library;
    const flags = LLAMA_STATE_SEQ_FLAGS_PARTIAL_ONLY;
    const size = llama.llama_state_seq_get_size_ext(this.handle, sequence, flags);
    const bytes = new Uint8Array(Number(size) + room);
    const written = llama.llama_state_seq_get_data_ext(this.handle, bytes, size, sequence, flags);
    return withRoom(bytes, Number(written), room);
  }

  /**
   * Restores a checkpoint into a sequence. The caller then removes the tokens after its position.
   * @returns false if the checkpoint does not fit.
   */
  restoreCheckpoint(sequence: number, state: Uint8Array<ArrayBuffer>): boolean {
    const read = this.#library.llama.llama_state_seq_set_data_ext(
      this.handle,
      state,
      BigInt(state.length),
      sequence,
      LLAMA_STATE_SEQ_FLAGS_PARTIAL_ONLY,
    );
    return Number(read) > 0;
  }

  /** Applies LoRA adapters, replacing the previous ones. */
  setLoras(loras: readonly { readonly adapter: LoraAdapter; readonly scale: number }[]): void {
    const adapters = new PointerArray(loras.map(({ adapter }) => adapter.handle));
    const scales = new Float32Array(loras.map(({ scale }) => scale));
    const code = this.#library.llama.llama_set_adapters_lora(
      this.handle,
      adapters.bytes,
      BigInt(loras.length),
      scales,
    );
    if (code !== 0) {
      throw new NativeError("llama_set_adapters_lora", code, "The adapters cannot be applied");
    }
  }

  /**
   * Adds a control vector to layer outputs, replacing the previous one.
   *
   * @param directions `width` values for each layer from 1. Must include every layer that was ever
   * set, because libllama keeps the values of omitted layers. Null removes the vector.
   */
  setControlVector(
    directions: { readonly values: Float32Array<ArrayBuffer>; readonly width: number } | null,
  ): void {
    const code = directions === null
      ? this.#library.llama.llama_set_adapter_cvec(this.handle, null, 0n, 0, 0, 0)
      : this.#library.llama.llama_set_adapter_cvec(
        this.handle,
        directions.values,
        BigInt(directions.values.length),
        directions.width,
        1,
        directions.values.length / directions.width,
      );
    if (code !== 0) {
      throw new NativeError("llama_set_adapter_cvec", code, "The control vector cannot be applied");
    }
  }

  /** Attaches a thread pool for all computation. The pool must outlive the context. */
  attachThreadPool(pool: ThreadPool): void {
    this.#library.llama.llama_attach_threadpool(this.handle, pool.handle, pool.handle);
  }

  close(): void {
    if (this.#handle === null) return;
    this.#library.llama.llama_free(this.#handle);
    this.#handle = null;
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** The first bytes that were written, with room after them. Copies only if fewer than expected were. */
function withRoom(
  bytes: Uint8Array<ArrayBuffer>,
  written: number,
  room: number,
): Uint8Array<ArrayBuffer> {
  if (written + room === bytes.length) return bytes;
  const shorter = new Uint8Array(written + room);
  shorter.set(bytes.subarray(0, written));
  return shorter;
}
