/**
 * Messages between the engine's public interface (main thread) and its loop (engine thread). They are
 * plain, typed and cloneable, so that the same loop runs in a Worker or in a child process. What cannot
 * wait for a message goes by the shared flags of `native/`.
 */
import type { AdapterChange, AdapterInfo } from "./adapters.ts";
import type { EmbedRequest } from "./embedding.ts";
import type { SerializedError } from "./errors.ts";
import type { SequenceEvent } from "./event.ts";
import type { LoadOptions } from "./load_options.ts";
import type { ModelInfo } from "./model_info.ts";
import type { Phase, PromptPart, SequenceRequest } from "./request.ts";
import type { Sampling } from "./sampling.ts";

/** What may change while a sequence runs; it takes effect at its next token. */
export type Control =
  | { readonly type: "cancel" }
  | { readonly type: "stop" }
  | { readonly type: "pause" }
  | { readonly type: "resume" }
  | {
    readonly type: "sampling";
    readonly sampling: Partial<Sampling>;
    /** Which phase alone it is for; without it, for the one that runs and for all that come. */
    readonly phase?: Phase;
  };

export type ToEngineCore =
  | { readonly type: "load"; readonly options: LoadOptions }
  | { readonly type: "submit"; readonly id: number; readonly request: SequenceRequest }
  | { readonly type: "control"; readonly id: number; readonly control: Control }
  | {
    readonly type: "tokenize";
    readonly call: number;
    readonly prompt: readonly PromptPart[];
    readonly addSpecial: boolean;
  }
  | { readonly type: "embed"; readonly call: number; readonly request: EmbedRequest }
  /** Nobody waits for these embeddings any more. */
  | { readonly type: "cancel-embed"; readonly call: number }
  | { readonly type: "adapter"; readonly call: number; readonly change: AdapterChange }
  | { readonly type: "detokenize"; readonly call: number; readonly tokens: readonly number[] }
  | { readonly type: "status"; readonly call: number }
  | { readonly type: "unload" };

export type FromEngineCore =
  | { readonly type: "loading"; readonly fraction: number }
  | { readonly type: "loaded"; readonly info: ModelInfo }
  | { readonly type: "failed"; readonly error: SerializedError }
  | {
    readonly type: "step";
    /** Everything that one step of the loop produced, for all sequences. */
    readonly events: readonly { readonly id: number; readonly event: SequenceEvent }[];
  }
  /** What is loaded by now; comes before the reply to what has changed it. */
  | { readonly type: "adapters"; readonly adapters: readonly AdapterInfo[] }
  | { readonly type: "reply"; readonly call: number; readonly value: unknown }
  | { readonly type: "refused"; readonly call: number; readonly error: SerializedError }
  | { readonly type: "unloaded" };
