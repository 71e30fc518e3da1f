import type { SerializedError } from "./errors.ts";
import type { SequenceTrace } from "./trace.ts";

/** A token and its log probability in the model's distribution, before sampling. */
export interface TokenLogprob {
  readonly token: number;
  readonly bytes: readonly number[];
  readonly logprob: number;
}

/** Log probability of a prompt token; null for the first token. */
export interface PromptLogprob {
  readonly token: number;
  readonly bytes: readonly number[];
  readonly logprob: number | null;
  readonly top: readonly TokenLogprob[];
}

export type FinishReason = "stop" | "length" | "cancelled";

export interface Usage {
  readonly promptTokens: number;
  readonly completionTokens: number;
  /** Prompt tokens that were already in the KV cache. */
  readonly cachedTokens: number;
  /** Prompt tokens that are sounds, and the seconds of the sounds; absent without sounds. */
  readonly audioTokens?: number;
  readonly audioSeconds?: number;
  /** Tokens that were generated and then dropped by rewinds; absent without rewinds. */
  readonly discardedTokens?: number;
}

/** Durations in milliseconds; rates in tokens per second. */
export interface Timings {
  readonly queueMs: number;
  readonly promptMs: number;
  /** Time to first token, measured from submission. */
  readonly firstTokenMs: number;
  readonly predictedMs: number;
  /** Decoding and encoding of images and sounds, before the prompt waited for a stream; absent without them. */
  readonly mediaMs?: number;
  readonly promptPerSecond: number;
  readonly predictedPerSecond: number;
  /** Drafted tokens, and drafted tokens that were accepted (speculative decoding). */
  readonly draftedTokens?: number;
  readonly acceptedTokens?: number;
}

/** Timings of a sequence that computed nothing. */
export const NO_TIMINGS: Timings = {
  queueMs: 0,
  promptMs: 0,
  firstTokenMs: 0,
  predictedMs: 0,
  promptPerSecond: 0,
  predictedPerSecond: 0,
};

/** Progress of a prompt, in tokens. */
export interface PromptProgress {
  readonly promptTokens: number;
  /** Prompt tokens that were already in the KV cache. */
  readonly cachedTokens: number;
  /** Prompt tokens in the KV cache now. */
  readonly processedTokens: number;
}

/** A deviation from the request that does not make the answer wrong. */
export interface Notice {
  /** Message for the client. Begins with the name of the field. */
  readonly message: string;
  /** Cause for the server log; not for clients. */
  readonly detail?: string;
}

/** Events of a sequence. There is one `token` event per token; its text may be empty. */
export type SequenceEvent =
  | {
    /** The request is queued, if this is to be reported: it comes before the other events. */
    readonly type: "queued";
    readonly promptTokens: number;
  }
  | {
    /** The next prompt tokens with their log probabilities, if requested. */
    readonly type: "prompt";
    readonly logprobs: readonly PromptLogprob[];
  }
  | {
    /** How much of the prompt is computed, if requested: at the start and after each batch. */
    readonly type: "progress";
    readonly progress: PromptProgress;
    readonly timings: Timings;
  }
  | {
    readonly type: "token";
    readonly text: string;
    readonly token: number;
    /** Counts and timings up to this token, if requested. */
    readonly soFar?: { readonly usage: Usage; readonly timings: Timings };
    readonly logprob?: TokenLogprob & { readonly top: readonly TokenLogprob[] };
    /** The token was not sampled: an edit put it there. */
    readonly isInserted?: true;
  }
  | {
    /** The answer returned to its first tokens. Other tokens follow. */
    readonly type: "rewind";
    readonly keep: number;
  }
  | {
    readonly type: "done";
    /** Text that was held back because it could have been the beginning of a stop string. */
    readonly text: string;
    readonly finishReason: FinishReason;
    /** The stop string that ended the answer, if any. */
    readonly stopString: string | null;
    readonly usage: Usage;
    readonly timings: Timings;
    /** The slot that computed the sequence; absent if it had none. */
    readonly slot?: number;
    readonly notices?: readonly Notice[];
    /** If the request asked for it. */
    readonly trace?: SequenceTrace;
  }
  | { readonly type: "error"; readonly error: SerializedError };
