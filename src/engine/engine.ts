import type {
  AdapterChange,
  AdapterInfo,
  Control,
  EmbedRequest,
  EmbedResult,
  EngineStatus,
  ModelInfo,
  PromptPart,
  SequenceEvent,
  SequenceRequest,
} from "./protocol/mod.ts";

/** One loaded model, as everything above the engine sees it. Tests put a double in its place. */
export interface Engine extends AsyncDisposable {
  readonly info: ModelInfo;
  /** System message for conversations without one, from the model's configuration. */
  readonly defaultSystem?: string;
  /**
   * Queues a sequence and returns at once.
   *
   * A failure (an unusable grammar, a prompt over the context, a full queue, a backend error) is thrown
   * by the iteration as a `ShimmyError`.
   */
  generate(request: SequenceRequest): RunningSequence;
  /** Token ids of a prompt; `addSpecial` adds what the vocabulary wants at its ends. */
  tokenize(prompt: readonly PromptPart[], addSpecial: boolean): Promise<number[]>;
  detokenize(tokens: readonly number[]): Promise<string>;
  /**
   * Embeddings of texts, or scores of documents for a query.
   * @param signal gives up what is not computed yet.
   * @throws {ShimmyError} `context_length` for an input that is too long; `invalid` for pairs given to a
   * model that is no reranker; `cancelled`.
   */
  embed(request: EmbedRequest, signal?: AbortSignal): Promise<EmbedResult>;
  /** The adapters that are loaded, as far as is known here. */
  readonly adapters: readonly AdapterInfo[];
  /**
   * Loads, rescales or unloads a LoRA adapter or a control vector; running sequences keep those they
   * began with.
   * @returns the adapters that are loaded now.
   * @throws {ShimmyError} `not_found` for an unknown name; `backend` where a file is no adapter for the
   * model, with the reason as a sentence.
   */
  changeAdapters(change: AdapterChange): Promise<AdapterInfo[]>;
  status(): Promise<EngineStatus>;
  /** Resolves when the engine has died or was disposed of; the reason is a sentence, or null. */
  readonly closed: Promise<string | null>;
}

/**
 * A running sequence: iterate it once. The last event is `done`. Leaving the iteration early cancels
 * the sequence; not reading for a while pauses it.
 */
export interface RunningSequence extends AsyncIterable<SequenceEvent> {
  /** Takes effect at the next token; ignored once the sequence is done. */
  control(control: Control): void;
}
