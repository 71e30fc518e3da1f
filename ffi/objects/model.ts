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
  /** Valid as long as the model. */
  readonly vocab: Vocab;

  /** Memory that the model parameters point to. */
  readonly #keepAlive: unknown;

  private constructor(library: Library, handle: Deno.PointerObject, keepAlive: unknown) {
    this.#keepAlive = keepAlive;
    this.#library = library;
    this.#handle = handle;
    this.vocab = new Vocab(library, library.llama.llama_model_get_vocab(handle));
  }

  /**
   * Loads a model from its file or shards.
   * @throws {NativeError} if libllama cannot load it; the reason is only in its log.
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
   * Creates a context with the default parameters of libllama, changed by `configure`.
   * @param keepAlive memory that addresses set by `configure` point to.
   * @throws {NativeError} if it cannot be created, usually because of insufficient memory.
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

  /** @throws {NativeError} if the file is not an adapter for this model. */
  loadLora(path: string): LoraAdapter {
    const handle = this.#library.llama.llama_adapter_lora_init(this.handle, cString(path));
    if (handle === null) {
      throw new NativeError("llama_adapter_lora_init", null, "The adapter cannot be loaded");
    }
    return new LoraAdapter(this.#library, handle);
  }

  /** Description by libllama, e.g. `llama 8B Q4_K - Medium`. */
  get description(): string {
    return readSized((buffer) =>
      this.#library.llama.llama_model_desc(this.handle, buffer, BigInt(buffer.length))
    );
  }

  /** Number of parameters. */
  get parameters(): number {
    return Number(this.#library.llama.llama_model_n_params(this.handle));
  }

  /** Size of all tensors in bytes. */
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

  /** Number of values of an embedding that the model reads in place of a token. */
  get embeddingInputLength(): number {
    return this.#library.llama.llama_model_n_embd_inp(this.handle);
  }

  /** Number of values of an embedding. */
  get embeddingOutputLength(): number {
    return this.#library.llama.llama_model_n_embd_out(this.handle);
  }

  /** Architecture name, the prefix of its metadata keys. */
  get architecture(): string {
    return this.#metadataValue("general.architecture") ?? "";
  }

  /** Pooling of embeddings (`LLAMA_POOLING_TYPE`); null if the file has none. */
  get poolingType(): number | null {
    const value = this.#metadataValue(`${this.architecture}.pooling_type`);
    return value === null ? null : Number(value);
  }

  /** Whether attention is causal, as generation requires. */
  get isCausal(): boolean {
    return this.#metadataValue(`${this.architecture}.attention.causal`) !== "false";
  }

  /** Whether it is an embedding or reranking model. */
  get isEmbeddingModel(): boolean {
    return (this.poolingType ?? 0) > 0 || !this.hasDecoder || !this.isCausal;
  }

  /** Number of scores per query and document (reranking models). */
  get scoreCount(): number {
    return this.#library.llama.llama_model_n_cls_out(this.handle);
  }

  /** Trained context length in tokens. */
  get trainedContext(): number {
    return this.#library.llama.llama_model_n_ctx_train(this.handle);
  }

  /** Position encoding (`LLAMA_ROPE_TYPE`). */
  get ropeType(): number {
    return this.#library.llama.llama_model_rope_type(this.handle);
  }

  /** Sliding window in tokens; 0 for full attention. */
  get slidingWindow(): number {
    return this.#library.llama.llama_model_n_swa(this.handle);
  }

  /**
   * Whether the model is recurrent (Mamba, RWKV) or hybrid: the end of its state cannot be removed.
   */
  get isRecurrent(): boolean {
    return this.#library.llama.llama_model_is_recurrent(this.handle) || this.isHybrid;
  }

  /** Whether the model has recurrent layers and layers with attention. */
  get isHybrid(): boolean {
    return this.#library.llama.llama_model_is_hybrid(this.handle);
  }

  get hasEncoder(): boolean {
    return this.#library.llama.llama_model_has_encoder(this.handle);
  }

  get hasDecoder(): boolean {
    return this.#library.llama.llama_model_has_decoder(this.handle);
  }

  /** The Jinja template with a name, or the default template. An empty template counts as none. */
  chatTemplate(name: string | null): string | null {
    const template = readCString(
      this.#library.llama.llama_model_chat_template(
        this.handle,
        name === null ? null : cString(name),
      ),
    );
    return template?.trim() ? template : null;
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

/** Reads text from a function that fills a buffer and returns the text length. */
function readSized(read: (buffer: Uint8Array<ArrayBuffer>) => number): string {
  let buffer = new Uint8Array(256);
  let length = read(buffer);
  if (length >= buffer.length) {
    buffer = new Uint8Array(length + 1);
    length = read(buffer);
  }
  return length < 0 ? "" : new TextDecoder().decode(buffer.subarray(0, length));
}

/** libllama calls the callback on the thread that loads, so calling JavaScript is safe. */
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
