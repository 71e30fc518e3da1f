import type { LoraChoice } from "./adapters.ts";
import type { Sampling } from "./sampling.ts";

/** A piece of a prompt. Only text marked `special` may name control tokens. */
export type PromptPart =
  | { readonly text: string; readonly special: boolean }
  | { readonly tokens: readonly number[] };

/** What a model writes: its reasoning, where it reasons first, and its answer. */
export type Phase = "reasoning" | "answer";

/**
 * The reasoning that may come before an answer.
 *
 * It is sampled by a native chain of its own where its sampling is another one. Tokens of the prompt and
 * of the reasoning count in the answer's penalties as they do without phases; the random numbers of each
 * phase begin with its seed.
 */
export interface ReasoningPhase {
  /** What the model writes around its reasoning. */
  readonly open: string;
  readonly close: string;
  /** The prompt ends inside of the reasoning. */
  readonly isOpen: boolean;
  /** Tokens after which the reasoning is closed; without it, it takes as many as the model wants. */
  readonly tokens?: number;
  /** What of its sampling differs from the request's. */
  readonly sampling?: Partial<Sampling>;
}

/** One sequence to run. */
export interface SequenceRequest {
  readonly prompt: readonly PromptPart[];
  /** Tokens to generate at most; `null` means until the context is full. */
  readonly maxTokens: number | null;
  readonly sampling: Partial<Sampling>;
  /** The answer ends before any of these texts. */
  readonly stop: readonly string[];
  /** A GBNF grammar whose start symbol is `root`. */
  readonly grammar?: {
    readonly source: string;
    /**
     * Makes the grammar lazy: it starts once one of these patterns matches the text of the answer so
     * far, at the pattern's first group. Reasoning starts it never.
     */
    readonly triggers?: readonly string[];
  };
  /** Go on past end-of-generation tokens. */
  readonly ignoreEos?: boolean;
  /** How many alternatives to report beside each token; 0 reports the chosen one alone. */
  readonly logprobs?: number;
  /**
   * Report the log probability of each token of the prompt, with this many alternatives, before the first
   * token of the answer. Nothing of the prompt is taken from the prefix cache then.
   */
  readonly promptLogprobs?: number;
  /** Emit the text of control tokens too. */
  readonly specialText?: boolean;
  readonly reasoning?: ReasoningPhase;
  /**
   * A name under which the sequence's state is kept on disk when it is done, and from which it is taken
   * when it begins; needs `LoadOptions.sessionFolder`.
   */
  readonly session?: string;
  /** Adapters to compute with, in place of those that are loaded with a scale of their own. */
  readonly loras?: readonly LoraChoice[];
  /** Waiting sequences with a higher one go first; 16 s of waiting count as one step. Default 0. */
  readonly priority?: number;
  /** Tokens of the prompt need not be computed again when another sequence holds them. Default true. */
  readonly cachePrompt?: boolean;
}
