import type {
  AdapterChange,
  AdapterInfo,
  AddSpecial,
  Control,
  Edit,
  EmbedRequest,
  EmbedResult,
  EngineStatus,
  ModelInfo,
  PromptPart,
  Sampling,
  SequenceEvent,
  SequenceRequest,
  SlotChange,
  SlotChangeResult,
} from "./protocol/mod.ts";
import type { Sink } from "./sink.ts";

/** A loaded model. Tests replace it with a double. */
export interface Engine extends AsyncDisposable {
  readonly info: ModelInfo;
  /** System message for conversations without one, from the model's configuration. */
  readonly defaultSystem?: string;
  /** Sampling and token limit of requests that set none, from the model's configuration. */
  readonly defaultSampling?: Partial<Sampling>;
  readonly defaultMaxTokens?: number;
  /** Messages between the system message and the conversation, from the model's configuration. */
  readonly defaultMessages?: readonly {
    readonly role: "system" | "user" | "assistant";
    readonly content: string;
  }[];
  /**
   * Queues a sequence and returns at once.
   *
   * @param sink receives the events, the last of which is `done`. It is called only after the return.
   * Its `end` gets failures as `ShimmyError`: an invalid grammar, a prompt longer than the context, a
   * full queue, a backend error.
   */
  generate(request: SequenceRequest, sink: Sink<SequenceEvent>): RunningSequence;
  /**
   * Token ids of a prompt. `addSpecial`: see {@linkcode AddSpecial}.
   * @throws {ShimmyError} `invalid` for a text that is much longer than the context; `overloaded` if many
   * long texts wait.
   */
  tokenize(prompt: readonly PromptPart[], addSpecial: AddSpecial): Promise<number[]>;
  /** Number of the tokens of a prompt. Throws as {@linkcode Engine.tokenize} does. */
  countTokens(prompt: readonly PromptPart[], addSpecial: AddSpecial): Promise<number>;
  detokenize(tokens: readonly number[]): Promise<string>;
  /** The bytes of each token, which may be a part of a character. */
  pieces(tokens: readonly number[]): Promise<readonly Uint8Array<ArrayBuffer>[]>;
  /**
   * Computes embeddings, or scores of documents for a query.
   * @param signal cancels inputs that are not computed yet.
   * @throws {ShimmyError} `context_length` for an input that is too long; `invalid` for a query and
   * document given to a model that is not a reranking model; `cancelled`.
   */
  embed(request: EmbedRequest, signal?: AbortSignal): Promise<EmbedResult>;
  /** Loaded adapters, as last reported by the engine core. */
  readonly adapters: readonly AdapterInfo[];
  /**
   * Loads, rescales or unloads an adapter. Running sequences keep the adapters they started with.
   * @returns the adapters that are loaded now.
   * @throws {ShimmyError} `not_found` for an unknown name; `backend` with the reason if a file is
   * not an adapter for the model.
   */
  changeAdapters(change: AdapterChange): Promise<AdapterInfo[]>;
  /**
   * Saves, restores or erases the tokens of an idle slot.
   * @throws {ShimmyError} `invalid` for an unknown slot, `not_found` for an unknown session,
   * `overloaded` for a slot that is in use, `backend` with the reason.
   */
  changeSlot(change: SlotChange): Promise<SlotChangeResult>;
  /**
   * Deletes the saved sessions of a name, also those that other models have saved. Of sessions that servers share,
   * those of all servers.
   * @returns whether there were any.
   * @throws {ShimmyError} `invalid` without a session folder; `overloaded` if the place that servers share cannot
   * be used: then nothing is deleted here; `backend` with the reason.
   */
  deleteSession(session: string): Promise<boolean>;
  status(): Promise<EngineStatus>;
  /** False while the model's process gives no sign of life; absent: it always does. */
  readonly isResponding?: boolean;
  /** Resolves when the engine has ended: to null after disposal, else to the reason. */
  readonly closed: Promise<string | null>;
}

/**
 * A control, or back pressure: a sink that cannot pass its output on holds the sequence and later
 * releases it. A sequence is computed while it is neither paused nor held.
 */
export type FlowControl = Control | { readonly type: "hold" } | { readonly type: "release" };

/** A running sequence. */
export interface RunningSequence {
  /** Takes effect at the next token. Ignored after the end of the sequence. */
  control(control: FlowControl): void;
  /**
   * Changes the tokens of the answer. The events of the change come before the result.
   *
   * @returns the number of tokens of the answer.
   * @throws {ShimmyError} `not_found` after the end of the sequence; `invalid` for an edit that cannot be
   * applied, which then changes nothing.
   */
  edit(edit: Edit): Promise<number>;
}
