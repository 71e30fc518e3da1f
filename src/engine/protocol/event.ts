import type { SerializedError } from "./errors.ts";

/** A token with its log probability under the model's own distribution. */
export interface TokenLogprob {
  readonly token: number;
  readonly bytes: readonly number[];
  readonly logprob: number;
}

/** A token of a prompt; null for the first one, which no token comes before. */
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
}

/** Milliseconds, and tokens per second. */
export interface Timings {
  readonly queueMs: number;
  readonly promptMs: number;
  /** From submission to the first token. */
  readonly firstTokenMs: number;
  readonly predictedMs: number;
  readonly promptPerSecond: number;
  readonly predictedPerSecond: number;
  /** Tokens that were drafted in the hope that they come next, and those of them that did. */
  readonly draftedTokens?: number;
  readonly acceptedTokens?: number;
}

/** What did not go as a request asked, though its answer is right. */
export interface Notice {
  /** A sentence for the client, which begins with the field it is about. */
  readonly message: string;
  /** More for the operator's eyes, where it is the server's failure. */
  readonly detail?: string;
}

/** What a sequence reports. `token` events come one a token; their text may be empty. */
export type SequenceEvent =
  | {
    /** The next tokens of the prompt, where their log probabilities are asked for. */
    readonly type: "prompt";
    readonly logprobs: readonly PromptLogprob[];
  }
  | {
    readonly type: "token";
    readonly text: string;
    readonly token: number;
    readonly logprob?: TokenLogprob & { readonly top: readonly TokenLogprob[] };
  }
  | {
    readonly type: "done";
    /** Text held back until now because it might have become a stop string. */
    readonly text: string;
    readonly finishReason: FinishReason;
    /** The stop string that ended the answer, if one did. */
    readonly stopString: string | null;
    readonly usage: Usage;
    readonly timings: Timings;
    readonly notices?: readonly Notice[];
  }
  | { readonly type: "error"; readonly error: SerializedError };
