/**
 * Events of running answers: the frames of `POST /api/generate` with `stream_format` `ndjson`, and of
 * `/api/generate/:id/stream`, and one for calls of tools, which only chat completions have.
 */

/** A likely token in the place of the sampled one. */
export interface Alternative {
  /** Absent in chat completions. */
  readonly id?: number;
  readonly token: string;
  /** Natural logarithm of the probability. */
  readonly logprob: number;
}

/** Fields of a frame with a token. */
interface Sampled {
  /** Place in the answer, from 0. */
  readonly index: number;
  /** Absent: text that was held back until the end. */
  readonly id?: number;
  readonly logprob?: number;
  /** The likeliest first. */
  readonly alternatives?: readonly Alternative[];
  /** A control put the token there. */
  readonly inserted?: boolean;
}

/** The answer that a frame belongs to; absent: that of the request. */
interface OfAnswer {
  readonly answer?: string;
}

export interface TokenFrame extends Sampled, OfAnswer {
  readonly token: string;
}

export interface ReasoningFrame extends Sampled, OfAnswer {
  readonly reasoning: string;
}

/** A part of a call of a tool. */
export interface CallFrame extends OfAnswer {
  /** The number of the call in the answer. */
  readonly call: number;
  readonly index: number;
  readonly callId?: string;
  readonly name?: string;
  /** Text that follows the arguments so far. */
  readonly arguments: string;
}

/** What follows takes the place of the tokens from an index on. */
export interface RewindFrame extends OfAnswer {
  readonly rewind: number;
}

/** Answers that share the tokens before an index with their parent, `answer`. */
export interface ForkedFrame extends OfAnswer {
  readonly forked: number;
  readonly answers: readonly string[];
}

export interface DoneFrame extends OfAnswer {
  readonly done: true;
  readonly finish_reason: "stop" | "length" | "cancelled";
  readonly usage: {
    readonly prompt_tokens: number;
    readonly completion_tokens: number;
    readonly cached_tokens: number;
  };
  readonly timings: {
    readonly first_token_ms: number;
    readonly predicted_per_second: number;
  };
  readonly notices?: readonly string[];
}

/** The last frame of a stream that failed. */
export interface ErrorFrame extends OfAnswer {
  readonly error: string;
}

export type Frame =
  | TokenFrame
  | ReasoningFrame
  | CallFrame
  | RewindFrame
  | ForkedFrame
  | DoneFrame
  | ErrorFrame;

/** A request for an answer: over the native API, or with tools over chat completions. */
export type AnswerRequest =
  | { readonly route: "native"; readonly body: GenerateRequest }
  | { readonly route: "chat"; readonly body: Readonly<Record<string, unknown>> };

/** The fields of `POST /api/generate` that the page sends. */
export interface GenerateRequest {
  readonly model?: string;
  readonly system?: string;
  readonly messages: readonly { readonly role: string; readonly content: string }[];
  /** The last message is the beginning of the answer. */
  readonly continue_last?: boolean;
  /** Likely tokens to report in the place of each token, 0 to 20. */
  readonly alternatives?: number;
  /** Sampling fields. */
  readonly [field: string]: unknown;
}
