/**
 * Messages between the engine's public interface (main thread) and the engine core (engine thread
 * or child process). Messages are plain data that can be cloned, so the core runs in a Worker or in
 * a child process. Signals that cannot wait for a message use the shared flags of `native/`.
 */
import type { AdapterChange, AdapterInfo } from "./adapters.ts";
import type { EmbedRequest } from "./embedding.ts";
import type { SerializedError } from "./errors.ts";
import type { SequenceEvent } from "./event.ts";
import type { ContextShape, LoadOptions } from "./load_options.ts";
import type { ModelInfo } from "./model_info.ts";
import type { AddSpecial, Phase, PromptPart, SequenceRequest } from "./request.ts";
import type { Sampling } from "./sampling.ts";
import type { SlotChange } from "./status.ts";

/** Changes to a running sequence. They take effect at the next token. */
export type Control =
  | { readonly type: "cancel" }
  | { readonly type: "stop" }
  /** Close the reasoning and continue with the answer. */
  | { readonly type: "end-reasoning" }
  | { readonly type: "pause" }
  | { readonly type: "resume" }
  | {
    readonly type: "sampling";
    readonly sampling: Partial<Sampling>;
    /** Apply only to this phase. Default: the current phase and all later phases. */
    readonly phase?: Phase;
  };

/**
 * A change to the tokens of a running answer and to how it goes on. It takes effect as a whole before the
 * next token, or not at all.
 */
export interface Edit {
  /** Number of tokens of the answer that stay. Default: all. */
  readonly keep?: number;
  /** Text to put after them; control tokens in it are not parsed. */
  readonly text?: string;
  /** Tokens to put after them, in place of a text. */
  readonly tokens?: readonly number[];
  /** Grammar of what follows; null: none. Default: the grammar of the answer goes on. */
  readonly grammar?: SequenceRequest["grammar"] | null;
  readonly sampling?: Partial<Sampling>;
  /** The phase that the sampling applies to: see {@linkcode Control}. */
  readonly phase?: Phase;
}

export type ToEngineCore =
  | { readonly type: "load"; readonly options: LoadOptions }
  | { readonly type: "submit"; readonly id: number; readonly request: SequenceRequest }
  | { readonly type: "control"; readonly id: number; readonly control: Control }
  /** The reply is the number of tokens of the answer. */
  | { readonly type: "edit"; readonly call: number; readonly id: number; readonly edit: Edit }
  | {
    readonly type: "tokenize";
    readonly call: number;
    readonly prompt: readonly PromptPart[];
    readonly addSpecial: AddSpecial;
    /** What to reply with: the token ids, or their number. */
    readonly result: "tokens" | "count";
  }
  | { readonly type: "embed"; readonly call: number; readonly request: EmbedRequest }
  /** Cancels an `embed` call. */
  | { readonly type: "cancel-embed"; readonly call: number }
  | { readonly type: "adapter"; readonly call: number; readonly change: AdapterChange }
  | { readonly type: "slot"; readonly call: number; readonly change: SlotChange }
  /** The reply is whether there was such a session. */
  | { readonly type: "delete-session"; readonly call: number; readonly session: string }
  /** The bytes of each token. */
  | { readonly type: "pieces"; readonly call: number; readonly tokens: readonly number[] }
  | { readonly type: "detokenize"; readonly call: number; readonly tokens: readonly number[] }
  | { readonly type: "status"; readonly call: number }
  | { readonly type: "unload" };

export type FromEngineCore =
  | { readonly type: "loading"; readonly fraction: number }
  | { readonly type: "loaded"; readonly info: ModelInfo }
  | { readonly type: "failed"; readonly error: SerializedError }
  | {
    readonly type: "step";
    /** All events of one step, for all sequences. */
    readonly events: readonly { readonly id: number; readonly event: SequenceEvent }[];
  }
  /** Loaded adapters. Sent before the reply to the call that changed them. */
  | { readonly type: "adapters"; readonly adapters: readonly AdapterInfo[] }
  /** Another context has replaced the former one. */
  | { readonly type: "context"; readonly shape: ContextShape }
  | { readonly type: "reply"; readonly call: number; readonly value: unknown }
  | { readonly type: "refused"; readonly call: number; readonly error: SerializedError }
  /** A fallback after the load, for the log. */
  | { readonly type: "notice"; readonly notice: string }
  | { readonly type: "unloaded" };
