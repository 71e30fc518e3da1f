/**
 * The messages between the engine's face (main thread) and its loop (engine thread): plain, typed and
 * cloneable, so that the same loop can stand behind a Worker or at the end of a pipe. What cannot wait
 * for a message, as the loop is inside native code most of the time, goes by `flags.ts`.
 */

import type { AdapterChange, AdapterInfo, AdapterSource, LoraChoice } from "./adapters.ts";
import type { DeviceInfo, Placement, SplitMode, TensorOverride } from "./placement.ts";
import type { EmbedRequest } from "./embedding.ts";
export type { EngineStatus, LoopStatus } from "./status.ts";

export type {
  AdapterChange,
  AdapterInfo,
  AdapterKind,
  AdapterSource,
  LayerRange,
  LoraChoice,
} from "./adapters.ts";
export type { DeviceInfo, Placement, SplitMode, TensorOverride } from "./placement.ts";
export type {
  ContextMemory,
  Embedding,
  EmbeddingStatus,
  EmbedInput,
  EmbedRequest,
  EmbedResult,
} from "./embedding.ts";

/** How a model is loaded. Everything here reaches a native parameter. */
export interface LoadOptions {
  /** The folder that holds libllama and its ggml backends. */
  readonly libraryFolder: string;
  /** The model's file, or its shards in order. */
  readonly modelPaths: readonly string[];
  /** Adapters applied to every sequence that chooses none. */
  readonly loras: readonly AdapterSource[];
  /** Names of the ggml devices to use; empty means the CPU alone. `undefined`: whatever the library finds. */
  readonly devices?: readonly string[];
  /** Layers to place on the devices; -1 means all. */
  readonly gpuLayers: number;
  /** How several devices share the model. Default `layer`. */
  readonly splitMode?: SplitMode | undefined;
  /** Which of the devices, counted from 0, holds all of the model under `none`. */
  readonly mainGpu?: number | undefined;
  /** How much of the model each device gets, in proportion to the others. */
  readonly tensorSplit?: readonly number[] | undefined;
  /** Tensors that go elsewhere than their layer; the first pattern that matches a name counts. */
  readonly tensorOverrides?: readonly TensorOverride[] | undefined;
  /** What was decided for the model before it is loaded, one sentence each. */
  readonly notes?: readonly string[] | undefined;
  /** Tokens one sequence may hold; 0 means as trained. */
  readonly contextLength: number;
  /** Sequences that may run at once. */
  readonly parallel: number;
  /** Tokens in one call of `llama_decode` (`n_batch`); 0 means the default, 512. */
  readonly batchSize: number;
  /** Threads for decoding and for prefill; 0 means as many as the machine has physical cores. */
  readonly threads: number;
  /** Element type of the KV cache. */
  readonly kvType: KvType;
  readonly flashAttention: "auto" | "on" | "off";
  /** One KV buffer for all sequences instead of a stream for each. */
  readonly kvUnified: boolean;
  /** Draft tokens from a sequence's own text, where it repeats itself. */
  readonly lookup: boolean;
  /** A small model with the same vocabulary that drafts tokens: its file, or its shards in order. */
  readonly draftPaths?: readonly string[] | undefined;
  /** Load without it where its vocabulary is another one, and note that. */
  readonly isDraftOptional?: boolean;
  /** Forget the older half of a sequence when its context is full, and go on. */
  readonly contextShift: boolean;
  /** Where named sessions are kept. */
  readonly sessionFolder?: string | undefined;
  /** Let native logs through to stderr. */
  readonly verbose: boolean;
  /** Write the native log of the loading to stderr, and `LOG_END` after it. */
  readonly logLoad?: boolean | undefined;
}

/** The line that ends the log of a load. */
export const LOG_END = "shimmy: end of the load's log";

/** Element types libllama accepts for the KV cache. */
export const KV_TYPES = [
  "f32",
  "f16",
  "bf16",
  "q8_0",
  "q4_0",
  "q4_1",
  "iq4_nl",
  "q5_0",
  "q5_1",
] as const;
export type KvType = (typeof KV_TYPES)[number];

/** What is known of a model once it is loaded. */
export interface ModelInfo {
  /** What it can do: generate text, make vectors of texts, or score documents. */
  readonly kind: "language" | "embedding" | "rerank";
  /** The library's own description, e.g. `llama 2.6M Q4_K - Medium`. */
  readonly description: string;
  readonly architecture: string;
  /** Number of parameters. */
  readonly parameters: number;
  /** Bytes of all tensors. */
  readonly size: number;
  readonly vocabularySize: number;
  readonly embeddingLength: number;
  readonly layers: number;
  /** Tokens the model was trained on in one context. */
  readonly trainedContext: number;
  /** Tokens one sequence may hold now. */
  readonly contextLength: number;
  readonly parallel: number;
  readonly batchSize: number;
  readonly threads: number;
  readonly devices: readonly DeviceInfo[];
  /** Layers placed on devices that are not the CPU; the output counts as one. */
  readonly offloadedLayers: number;
  /** What lies where; empty where the library's log could not be read. */
  readonly placement: readonly Placement[];
  /** The model's own Jinja template, if it carries one. */
  readonly chatTemplate: string | null;
  /** A second template for conversations with tools, if it carries one. */
  readonly toolTemplate: string | null;
  readonly bosText: string;
  readonly eosText: string;
  /** Text of every control token: what must never be read as one in a user's text. */
  readonly controlTokens: readonly string[];
  /** Fill-in-the-middle tokens, where the vocabulary has them. */
  readonly fim:
    | { readonly prefix: number; readonly suffix: number; readonly middle: number }
    | null;
  /** Metadata keys with scalar values, as text. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly loadMs: number;
  /** Resident memory of the process that holds it, in bytes, right after loading. */
  readonly processBytes: number;
  /** What fell back or was limited while loading, one sentence each. */
  readonly notes: readonly string[];
}

/** A piece of a prompt. Only text marked `special` may name control tokens. */
export type PromptPart =
  | { readonly text: string; readonly special: boolean }
  | { readonly tokens: readonly number[] };

/** Everything that shapes how a token is chosen. Defaults are in {@linkcode DEFAULT_SAMPLING}. */
export interface Sampling {
  /** 0 means greedy. */
  readonly temperature: number;
  readonly dynatempRange: number;
  readonly dynatempExponent: number;
  /** 0 keeps all. */
  readonly topK: number;
  readonly topP: number;
  readonly minP: number;
  readonly typicalP: number;
  /** Negative means off. */
  readonly topNSigma: number;
  readonly xtcProbability: number;
  readonly xtcThreshold: number;
  readonly repeatPenalty: number;
  /** Tokens the penalties look back on; -1 means the whole context. */
  readonly repeatLastN: number;
  readonly frequencyPenalty: number;
  readonly presencePenalty: number;
  readonly dryMultiplier: number;
  readonly dryBase: number;
  readonly dryAllowedLength: number;
  readonly dryPenaltyLastN: number;
  readonly drySequenceBreakers: readonly string[];
  readonly mirostat: 0 | 1 | 2;
  readonly mirostatTau: number;
  readonly mirostatEta: number;
  /** `null` means a fresh one. */
  readonly seed: number | null;
  /** Added to the logit of a token id. `-Infinity` bans it. */
  readonly logitBias: readonly { readonly token: number; readonly bias: number }[];
}

/** The sampling used where neither the request nor the model says otherwise; the values are llama.cpp's. */
export const DEFAULT_SAMPLING: Sampling = {
  temperature: 0.8,
  dynatempRange: 0,
  dynatempExponent: 1,
  topK: 40,
  topP: 0.95,
  minP: 0.05,
  typicalP: 1,
  topNSigma: -1,
  xtcProbability: 0,
  xtcThreshold: 0.1,
  repeatPenalty: 1,
  repeatLastN: 64,
  frequencyPenalty: 0,
  presencePenalty: 0,
  dryMultiplier: 0,
  dryBase: 1.75,
  dryAllowedLength: 2,
  dryPenaltyLastN: -1,
  drySequenceBreakers: ["\n", ":", '"', "*"],
  mirostat: 0,
  mirostatTau: 5,
  mirostatEta: 0.1,
  seed: null,
  logitBias: [],
};

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

/** A token with its log probability under the model's own distribution. */
export interface TokenLogprob {
  readonly token: number;
  readonly bytes: readonly number[];
  readonly logprob: number;
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
  | { readonly type: "error"; readonly error: WireError };

/** An error as it crosses the seam. */
export interface WireError {
  readonly kind: import("../../errors.ts").ErrorKind;
  readonly message: string;
  readonly field?: string;
  readonly detail?: string;
  readonly retryAfter?: number;
}

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

export type ToThread =
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
  | { readonly type: "give-up"; readonly call: number }
  | { readonly type: "adapter"; readonly call: number; readonly change: AdapterChange }
  | { readonly type: "detokenize"; readonly call: number; readonly tokens: readonly number[] }
  | { readonly type: "status"; readonly call: number }
  | { readonly type: "unload" };

export type FromThread =
  | { readonly type: "loading"; readonly fraction: number }
  | { readonly type: "loaded"; readonly info: ModelInfo }
  | { readonly type: "failed"; readonly error: WireError }
  | {
    readonly type: "step";
    /** Everything that one step of the loop produced, for all sequences. */
    readonly events: readonly { readonly id: number; readonly event: SequenceEvent }[];
  }
  /** What is loaded by now; comes before the reply to what has changed it. */
  | { readonly type: "adapters"; readonly adapters: readonly AdapterInfo[] }
  | { readonly type: "reply"; readonly call: number; readonly value: unknown }
  | { readonly type: "refused"; readonly call: number; readonly error: WireError }
  | { readonly type: "unloaded" };
