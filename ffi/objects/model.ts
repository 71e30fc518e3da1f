import { NativeError } from "../library/error.ts";
import { LlamaContextParams, type LlamaModelParams } from "../generated/structs.ts";
import { Context } from "./context.ts";
import type { Library } from "../library/library.ts";
import { LoraAdapter } from "./lora.ts";
import { cString, PointerArray, readCString } from "../memory/memory.ts";
import { type ModelOptions, modelParameters } from "./model_parameters.ts";
import { Vocab } from "./vocab.ts";

/** A loaded model. Close its contexts and adapters before it. */
export class Model implements Disposable {
  readonly #library: Library;
  #handle: Deno.PointerValue;
  /** Lives as long as the model. */
  readonly vocab: Vocab;

  /** What the parameters it was made with point into. */
  readonly #keepAlive: unknown;

  private constructor(library: Library, handle: Deno.PointerObject, keepAlive: unknown) {
    this.#keepAlive = keepAlive;
    this.#library = library;
    this.#handle = handle;
    this.vocab = new Vocab(library, library.llama.llama_model_get_vocab(handle));
  }

  /**
   * Reads a model from its file or shards.
   * @throws {NativeError} if the library cannot read it; it tells why in its log alone.
   */
  static load(library: Library, options: ModelOptions): Model {
    const { parameters, keepAlive } = modelParameters(library, options);
    using progress = options.onProgress === undefined ? null : progressCallback(options.onProgress);
    if (progress !== null) parameters.progress_callback = progress.address;
    const handle = options.paths.length === 1
      ? library.llama.llama_model_load_from_file(cString(options.paths[0]!), parameters.bytes)
      : loadSplits(library, options.paths, parameters);
    if (handle === null) {
      throw new NativeError("llama_model_load_from_file", null, "The model cannot be loaded");
    }
    return new Model(library, handle, keepAlive);
  }

  /** @internal */
  get handle(): Deno.PointerObject {
    if (this.#handle === null) throw new Error("Cannot use the model: it is closed");
    return this.#handle;
  }

  /**
   * A context with the library's defaults, changed by `configure`.
   * @param keepAlive what the addresses set by `configure` point into.
   * @throws {NativeError} if it cannot be made, most often for want of memory.
   */
  createContext(configure: (parameters: LlamaContextParams) => void, keepAlive?: unknown): Context {
    const parameters = new LlamaContextParams(
      this.#library.llama.llama_context_default_params() as Uint8Array<ArrayBuffer>,
    );
    configure(parameters);
    const handle = this.#library.llama.llama_init_from_model(this.handle, parameters.bytes);
    if (handle === null) {
      throw new NativeError("llama_init_from_model", null, "The context cannot be made");
    }
    return new Context(this.#library, handle, this.vocab.size, keepAlive);
  }

  /** @throws {NativeError} if the file is no adapter for this model. */
  loadLora(path: string): LoraAdapter {
    const handle = this.#library.llama.llama_adapter_lora_init(this.handle, cString(path));
    if (handle === null) {
      throw new NativeError("llama_adapter_lora_init", null, "The adapter cannot be loaded");
    }
    return new LoraAdapter(this.#library, handle);
  }

  /** The library's own short description, e.g. `llama 8B Q4_K - Medium`. */
  get description(): string {
    return readSized((buffer) =>
      this.#library.llama.llama_model_desc(this.handle, buffer, BigInt(buffer.length))
    );
  }

  /** Number of parameters. */
  get parameters(): number {
    return Number(this.#library.llama.llama_model_n_params(this.handle));
  }

  /** Bytes of all tensors. */
  get size(): number {
    return Number(this.#library.llama.llama_model_size(this.handle));
  }

  get layers(): number {
    return this.#library.llama.llama_model_n_layer(this.handle);
  }

  get heads(): number {
    return this.#library.llama.llama_model_n_head(this.handle);
  }

  get kvHeads(): number {
    return this.#library.llama.llama_model_n_head_kv(this.handle);
  }

  get embeddingLength(): number {
    return this.#library.llama.llama_model_n_embd(this.handle);
  }

  /** Values of an embedding it puts out. */
  get embeddingOutputLength(): number {
    return this.#library.llama.llama_model_n_embd_out(this.handle);
  }

  /** The architecture's name in metadata keys. */
  get architecture(): string {
    return this.#metadataValue("general.architecture") ?? "";
  }

  /** How it pools the embeddings of a sequence's tokens (`LLAMA_POOLING_TYPE`); null where it does not say. */
  get poolingType(): number | null {
    const value = this.#metadataValue(`${this.architecture}.pooling_type`);
    return value === null ? null : Number(value);
  }

  /** Whether a token sees those before it alone, as it must to be generated. */
  get isCausal(): boolean {
    return this.#metadataValue(`${this.architecture}.attention.causal`) !== "false";
  }

  /** Whether it was made for embeddings or scores, and not to generate. */
  get isEmbeddingModel(): boolean {
    return (this.poolingType ?? 0) > 0 || !this.hasDecoder || !this.isCausal;
  }

  /** Scores that a reranking model gives to a pair. */
  get scoreCount(): number {
    return this.#library.llama.llama_model_n_cls_out(this.handle);
  }

  /** Tokens it was trained on in one context. */
  get trainedContext(): number {
    return this.#library.llama.llama_model_n_ctx_train(this.handle);
  }

  /** How it encodes positions (`LLAMA_ROPE_TYPE`). */
  get ropeType(): number {
    return this.#library.llama.llama_model_rope_type(this.handle);
  }

  /** Tokens of the sliding window; 0 where attention sees everything. */
  get slidingWindow(): number {
    return this.#library.llama.llama_model_n_swa(this.handle);
  }

  /** Whether its memory is a state that cannot be cut, as in Mamba or RWKV, wholly or in part. */
  get isRecurrent(): boolean {
    return this.#library.llama.llama_model_is_recurrent(this.handle) ||
      this.#library.llama.llama_model_is_hybrid(this.handle);
  }

  get hasEncoder(): boolean {
    return this.#library.llama.llama_model_has_encoder(this.handle);
  }

  get hasDecoder(): boolean {
    return this.#library.llama.llama_model_has_decoder(this.handle);
  }

  /** The Jinja template it carries under a name, or its default one. */
  chatTemplate(name: string | null): string | null {
    return readCString(
      this.#library.llama.llama_model_chat_template(
        this.handle,
        name === null ? null : cString(name),
      ),
    );
  }

  /** One scalar value of the metadata, as text. */
  #metadataValue(key: string): string | null {
    const name = cString(key);
    const text = readSized((buffer) =>
      this.#library.llama.llama_model_meta_val_str(
        this.handle,
        name,
        buffer,
        BigInt(buffer.length),
      )
    );
    return text === "" ? null : text;
  }

  /** Metadata with scalar values, as text. */
  metadata(): Record<string, string> {
    const { llama } = this.#library;
    const result: Record<string, string> = {};
    const count = llama.llama_model_meta_count(this.handle);
    for (let i = 0; i < count; i++) {
      const key = readSized((buffer) =>
        llama.llama_model_meta_key_by_index(this.handle, i, buffer, BigInt(buffer.length))
      );
      result[key] = readSized((buffer) =>
        llama.llama_model_meta_val_str_by_index(this.handle, i, buffer, BigInt(buffer.length))
      );
    }
    return result;
  }

  close(): void {
    if (this.#handle === null) return;
    this.#library.llama.llama_model_free(this.#handle);
    this.#handle = null;
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function loadSplits(
  library: Library,
  paths: readonly string[],
  parameters: LlamaModelParams,
): Deno.PointerValue {
  const pointers = PointerArray.ofStrings(paths);
  return library.llama.llama_model_load_from_splits(
    pointers.bytes,
    BigInt(paths.length),
    parameters.bytes,
  );
}

/** Text from a function that writes into a buffer and returns how long the text is. */
function readSized(read: (buffer: Uint8Array<ArrayBuffer>) => number): string {
  let buffer = new Uint8Array(256);
  let length = read(buffer);
  if (length >= buffer.length) {
    buffer = new Uint8Array(length + 1);
    length = read(buffer);
  }
  return length < 0 ? "" : new TextDecoder().decode(buffer.subarray(0, length));
}

/**
 * Loading calls it on the thread that asked for the loading, which is ours, so a callback into
 * JavaScript is safe here.
 */
function progressCallback(onProgress: (fraction: number) => boolean) {
  const callback = new Deno.UnsafeCallback(
    { parameters: ["f32", "pointer"], result: "bool" } as const,
    (fraction) => onProgress(fraction),
  );
  return {
    address: Deno.UnsafePointer.value(callback.pointer),
    [Symbol.dispose]: () => callback.close(),
  };
}
