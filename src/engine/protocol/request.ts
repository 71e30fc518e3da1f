import type { LoraChoice } from "./adapters.ts";
import type { Sampling } from "./sampling.ts";

/** A part of a prompt. Only text marked `special` is parsed for control tokens. */
export type PromptPart =
  | { readonly text: string; readonly special: boolean }
  | { readonly tokens: readonly number[] }
  | { readonly media: MediaInput };

/** An image or a sound in a prompt. */
export interface MediaInput {
  readonly type: "image" | "audio";
  /** The whole file. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The field of the request that has it, for errors. */
  readonly field: string;
}

/**
 * Whether a token of a sequence stands for a row of an image or a sound. Each row has a number below zero
 * that no other row has while the process runs, so that token lists with equal media are equal. Token ids of
 * vocabularies are not negative.
 */
export function isMediaToken(token: number): boolean {
  return token < 0;
}

/** Greatest number of a row: its token still has 32 bits. */
export const LAST_ROW = 2 ** 30 - 2;

/**
 * The token of a row. It is below LLAMA_TOKEN_NULL.
 *
 * @param row number of the row. Those of an image follow each other, those of two images do not.
 * @param moves whether the position of the next token is one further. With M-RoPE an image has fewer positions
 * than rows.
 */
export function rowToken(row: number, moves: boolean): number {
  return -2 - (2 * row + (moves ? 0 : 1));
}

/** The number of a row, of its token. */
export function rowOf(token: number): number {
  return (-2 - token) >> 1;
}

/** Whether the position of the next token is one further. */
export function movesPosition(token: number): boolean {
  return token >= 0 || ((-2 - token) & 1) === 0;
}

/** Whether two tokens are rows that follow each other in an image. */
export function areRowsOfOne(first: number, second: number): boolean {
  return first < 0 && second < 0 && rowOf(second) === rowOf(first) + 1;
}

/**
 * Special tokens that the vocabulary asks for: none, the token at the begin as for a prompt, or those
 * at both ends as for an embedding.
 */
export type AddSpecial = boolean | "both";

/** Phase of an answer: the reasoning, if any, and then the answer itself. */
export type Phase = "reasoning" | "answer";

/**
 * Reasoning before the answer.
 *
 * If its sampling differs, the reasoning has its own native sampler chain. The penalties of the
 * answer still count the tokens of the prompt and of the reasoning. Each phase starts its random
 * numbers from its own seed.
 */
export interface ReasoningPhase {
  /** Texts that begin and end the reasoning. */
  readonly open: string;
  readonly close: string;
  /** The prompt ends inside the reasoning. */
  readonly isOpen: boolean;
  /** Token budget of the reasoning; the engine closes the reasoning after it. Default: no limit. */
  readonly tokens?: number;
  /** Sampling overrides during the reasoning. */
  readonly sampling?: Partial<Sampling>;
}

/** A generation request. */
export interface SequenceRequest {
  readonly prompt: readonly PromptPart[];
  /** Whether the prompt gets the special token at its begin. Default true. */
  readonly addSpecial?: boolean;
  /** Maximum tokens to generate. `null`: until the context is full. */
  readonly maxTokens: number | null;
  /** Maximum tokens of prompt and answer together. Default: the context length of a sequence. */
  readonly contextLength?: number;
  readonly sampling: Partial<Sampling>;
  /**
   * Stop strings. The answer ends before the first occurrence of any of them. They do not apply
   * inside the reasoning.
   */
  readonly stop: readonly string[];
  /** A GBNF grammar whose start symbol is `root`. */
  readonly grammar?: {
    readonly source: string;
    /**
     * Lazy grammar: the grammar becomes active when one of these patterns matches the text of the
     * answer, at the first group of the pattern. Reasoning text never activates it.
     */
    readonly triggers?: readonly string[];
  };
  /** Continue after end-of-generation tokens. */
  readonly ignoreEos?: boolean;
  /** Number of alternatives to report with each token. 0: only the chosen token. */
  readonly logprobs?: number;
  /** Report log probabilities after the samplers instead of those of the model. */
  readonly sampledLogprobs?: boolean;
  /**
   * Report the log probability of each prompt token, with this many alternatives, before the first
   * token of the answer. Disables reuse of cached prompt tokens.
   */
  readonly promptLogprobs?: number;
  /** Report the number of the prompt's tokens when the request is queued. */
  readonly reportsLength?: boolean;
  /** Report the progress of the prompt. */
  readonly reportsProgress?: boolean;
  /** Report timings with each token. */
  readonly reportsTimings?: boolean;
  /** The slot that must compute the sequence. Default: any. */
  readonly slot?: number;
  /** Include the text of control tokens in the output. */
  readonly specialText?: boolean;
  readonly reasoning?: ReasoningPhase;
  /**
   * Session name. The state of the sequence is restored from this session and saved to it at the
   * end. Requires `LoadOptions.sessionFolder`.
   */
  readonly session?: string;
  /** Adapters for this request, in place of the adapters with a default scale. */
  readonly loras?: readonly LoraChoice[];
  /** Scheduling priority; higher runs first. Each 16 s of waiting counts as one step. Default 0. */
  readonly priority?: number;
  /** Who sent the request. Waiting requests of different clients take turns. */
  readonly client?: string;
  /** Reuse prompt tokens from the prefix cache. Default true. */
  readonly cachePrompt?: boolean;
  /** Tokens that the answer begins with. They count as generated. */
  readonly begun?: {
    readonly tokens: readonly number[];
    /** Whether they have events. Default false. */
    readonly isReported?: boolean;
    /** Number of tokens that the grammar does not apply to. Default 0. */
    readonly unconstrained?: number;
  };
  /** Report how the answer was computed in the `done` event. */
  readonly trace?: boolean;
}
