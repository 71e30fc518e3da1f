/**
 * Types between the API dialects and the engine: a request for an answer and the events of an
 * answer, independent of any API's JSON.
 */
import type {
  Edit,
  FinishReason,
  LoraChoice,
  MediaInput,
  Notice,
  PromptLogprob,
  PromptProgress,
  Sampling,
  Timings,
  TokenLogprob,
  Usage,
} from "../../engine/protocol/mod.ts";

export interface ToolCall {
  readonly id: string;
  readonly name: string;
  /** JSON text of an object. */
  readonly arguments: string;
}

/** An image at a URL, which is fetched before the prompt is computed. */
export interface RemoteImage {
  readonly type: "remote";
  /** A URL of http or https, as the client wrote it. */
  readonly url: string;
  /** The field of the request that has it, for errors. */
  readonly field: string;
}

export interface Message {
  readonly role: "system" | "developer" | "user" | "assistant" | "tool";
  /** The text. {@linkcode MEDIA_MARK} stands for each image of `media`, in their order. */
  readonly content: string;
  readonly media?: readonly (MediaInput | RemoteImage)[];
  /** Name of the speaker, or of the tool of a result. */
  readonly name?: string;
  readonly reasoning?: string;
  readonly toolCalls?: readonly ToolCall[];
  /** Id of the call that a tool message answers. */
  readonly toolCallId?: string;
}

export interface Tool {
  readonly name: string;
  readonly description?: string;
  /** JSON Schema of the arguments. */
  readonly parameters: Record<string, unknown>;
  /** The schema is refused if a grammar cannot express all of it. */
  readonly strict?: boolean;
  /** Field of the request that has the parameters, for errors. */
  readonly field?: string;
  /**
   * A message contains the definition. The template does not list the tool, so that the prefix of the
   * conversation stays the same.
   */
  readonly isInMessages?: boolean;
}

export type ToolChoice =
  | { readonly type: "auto" }
  | { readonly type: "none" }
  | { readonly type: "required" }
  | { readonly type: "named"; readonly name: string };

/** Required format of the answer's text. */
export type Format =
  | { readonly type: "text" }
  | { readonly type: "json_object" }
  /** `field` names the schema in errors. Default `json_schema`. */
  | { readonly type: "json_schema"; readonly schema: unknown; readonly field?: string }
  /** A GBNF grammar. `field` names the grammar in errors. Default `grammar`. */
  | { readonly type: "grammar"; readonly source: string; readonly field?: string }
  /** A regular expression that the whole text matches. */
  | { readonly type: "regex"; readonly pattern: string; readonly field: string }
  /** One of these texts. */
  | { readonly type: "choice"; readonly texts: readonly string[] };

/** Source of the prompt. */
export type Input =
  /** A conversation for the model's chat template. */
  | {
    readonly type: "chat";
    readonly messages: readonly Message[];
    readonly tools: readonly Tool[];
    readonly toolChoice: ToolChoice;
    readonly parallelToolCalls: boolean;
    /** Template variables such as `enable_thinking`. */
    readonly templateArguments: Readonly<Record<string, unknown>>;
    /** The model continues its own last message instead of starting a new one. */
    readonly continueLast: boolean;
    /** Default true: the prompt ends with the header of a new assistant message. */
    readonly addGenerationPrompt?: boolean;
    /** Tokens of an earlier conversation, before the prompt. */
    readonly prefix?: readonly number[];
  }
  /** Raw text. Control tokens in it are parsed. */
  | { readonly type: "text"; readonly text: string }
  /** `isComplete`: the tokens get no special token at their begin. */
  | {
    readonly type: "tokens";
    readonly tokens: readonly number[];
    readonly isComplete?: boolean;
  };

/** A request for an answer. */
export interface AnswerRequest {
  readonly input: Input;
  readonly maxTokens: number | null;
  /** Maximum tokens of prompt and answer together. Default: the context length of a sequence. */
  readonly contextLength?: number;
  readonly sampling: Partial<Sampling>;
  readonly stop: readonly string[];
  readonly format: Format;
  readonly ignoreEos: boolean;
  /** Maximum number of reasoning tokens. The answer starts after that. */
  readonly reasoningBudget?: number;
  /** Overrides of the sampling during reasoning. */
  readonly reasoningSampling?: Partial<Sampling>;
  /** Adapters and scales for this request. */
  readonly loras?: readonly LoraChoice[];
  /** Name of a session whose KV state is saved. */
  readonly session?: string;
  /** Waiting requests with a higher priority start first. */
  readonly priority?: number;
  /** Who sent the request. Waiting requests of different clients take turns. */
  readonly client?: string;
  /** Reuse prompt tokens from the prefix cache. Default true. */
  readonly cachePrompt?: boolean;
  /** Return log probabilities of the prompt, with this number of alternatives per token. */
  readonly promptLogprobs?: number;
  /** Number of alternatives per token; `null` for no log probabilities. */
  readonly logprobs: number | null;
  /** Report log probabilities after the samplers instead of those of the model. */
  readonly sampledLogprobs?: boolean;
  /** Report the ids of the tokens with their text. */
  readonly reportsTokens?: boolean;
  /** Ids of tokens that the answer begins with. They have events as inserted tokens. */
  readonly begun?: readonly number[];
  /** Have at least one text or reasoning event for each token, with its place. */
  readonly placesTokens?: boolean;
  /** Tell the number of the prompt's tokens when the request is queued: see `Answer.promptTokens`. */
  readonly reportsLength?: boolean;
  /** Report the progress of the prompt. */
  readonly reportsProgress?: boolean;
  /** Report timings with each token. */
  readonly reportsTimings?: boolean;
  /** The slot that must compute the answer. Default: any. */
  readonly slot?: number;
}

/** Log probability of a token and its alternatives. */
export type AnswerLogprob = TokenLogprob & { readonly top: readonly TokenLogprob[] };

/** Why an answer ended. */
export type AnswerFinish = FinishReason | "tool_calls";

/** The token that a piece of text came with. */
export interface TokenPlace {
  /** Position of the token in the answer; the number of its tokens for text at the end. */
  readonly index: number;
  /** Null for text at the end, which was held back. */
  readonly token: number | null;
  /** A control put the token there. */
  readonly isInserted: boolean;
}

/** A change to the tokens of a running answer: see `Edit` of the engine. */
export interface AnswerEdit extends Omit<Edit, "grammar"> {
  /** Format of what follows. */
  readonly format?: Format;
}

/** What an answer consists of, up to a token. */
export interface AnswerSoFar {
  readonly text: string;
  readonly reasoning: string;
  readonly toolCalls: readonly ToolCall[];
}

/** A piece of the answer's text or reasoning. */
interface TextPiece {
  readonly text: string;
  readonly logprobs: readonly AnswerLogprob[];
  /** The tokens of the text, if requested. */
  readonly tokens?: readonly number[];
  /** The token of the text, if there is to be an event for each token. */
  readonly place?: TokenPlace;
  /** Counts and timings up to the last token, if requested. */
  readonly soFar?: { readonly usage: Usage; readonly timings: Timings };
}

/** An event of an answer. */
export type AnswerEvent =
  /** Log probabilities of the next prompt tokens. They come before all other events. */
  | { readonly type: "prompt"; readonly logprobs: readonly PromptLogprob[] }
  /** How much of the prompt is computed. */
  | { readonly type: "progress"; readonly progress: PromptProgress; readonly timings: Timings }
  /** The answer returned to its first `index` tokens, of which this remains. */
  | { readonly type: "rewind"; readonly index: number; readonly remains: AnswerSoFar }
  | ({ readonly type: "text" } & TextPiece)
  | ({ readonly type: "reasoning" } & TextPiece)
  | {
    readonly type: "tool_call";
    readonly index: number;
    readonly id: string;
    readonly name: string;
  }
  | { readonly type: "tool_arguments"; readonly index: number; readonly text: string }
  | {
    readonly type: "done";
    readonly finishReason: AnswerFinish;
    readonly stopString: string | null;
    readonly usage: Usage;
    readonly timings: Timings;
    /** The slot that computed the answer. */
    readonly slot?: number;
    /**
     * Index of a call that the answer ended in. Its arguments are the text up to there, which is
     * not the JSON text of an object.
     */
    readonly incompleteCall?: number;
    /** Parts of the request that had no effect. */
    readonly notices?: readonly Notice[];
  };
