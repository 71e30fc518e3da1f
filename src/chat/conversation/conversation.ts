/**
 * The vocabulary between the dialects and the engine: what a request asks for and what an answer
 * reports, independent of any API's JSON.
 */
import type {
  FinishReason,
  LoraChoice,
  Notice,
  PromptLogprob,
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

export interface Message {
  readonly role: "system" | "developer" | "user" | "assistant" | "tool";
  readonly content: string;
  /** The name of the speaker, or of the tool that answered. */
  readonly name?: string;
  readonly reasoning?: string;
  readonly toolCalls?: readonly ToolCall[];
  /** Of a tool's message: which call it answers. */
  readonly toolCallId?: string;
}

export interface Tool {
  readonly name: string;
  readonly description?: string;
  /** JSON Schema of the arguments. */
  readonly parameters: Record<string, unknown>;
}

export type ToolChoice =
  | { readonly type: "auto" }
  | { readonly type: "none" }
  | { readonly type: "required" }
  | { readonly type: "named"; readonly name: string };

/** What the answer's text must look like. */
export type Format =
  | { readonly type: "text" }
  | { readonly type: "json_object" }
  | { readonly type: "json_schema"; readonly schema: unknown }
  | { readonly type: "grammar"; readonly source: string };

/** Where the prompt comes from. */
export type Input =
  /** A conversation, put through the model's chat template. */
  | {
    readonly type: "chat";
    readonly messages: readonly Message[];
    readonly tools: readonly Tool[];
    readonly toolChoice: ToolChoice;
    readonly parallelToolCalls: boolean;
    /** Variables for the template, such as `enable_thinking`. */
    readonly templateArguments: Readonly<Record<string, unknown>>;
    /** Let the model continue its own last message instead of beginning a new one. */
    readonly continueLast: boolean;
  }
  /** Text as it is; control tokens in it are read as such. */
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "tokens"; readonly tokens: readonly number[] };

/** One request for an answer. */
export interface AnswerRequest {
  readonly input: Input;
  readonly maxTokens: number | null;
  readonly sampling: Partial<Sampling>;
  readonly stop: readonly string[];
  readonly format: Format;
  readonly ignoreEos: boolean;
  /** Tokens of reasoning after which the answer begins. */
  readonly reasoningBudget?: number;
  /** What of the sampling is another while the model reasons. */
  readonly reasoningSampling?: Partial<Sampling>;
  /** Adapters to answer with, in place of those that have a scale of their own. */
  readonly loras?: readonly LoraChoice[];
  /** A name under which the computed state is kept. */
  readonly session?: string;
  /** Waiting requests with a higher one go first. */
  readonly priority?: number;
  /** Report the log probabilities of the prompt, with this many alternatives beside each token. */
  readonly promptLogprobs?: number;
  /** Alternatives to report beside each token; `null`: no log probabilities at all. */
  readonly logprobs: number | null;
}

/** A token's log probability with the alternatives beside it. */
export type AnswerLogprob = TokenLogprob & { readonly top: readonly TokenLogprob[] };

/** Why an answer ended, in the words dialects share. */
export type AnswerFinish = FinishReason | "tool_calls";

/** What an answer reports while it comes. */
export type AnswerEvent =
  /** The next tokens of the prompt, before all else, where their log probabilities are asked for. */
  | { readonly type: "prompt"; readonly logprobs: readonly PromptLogprob[] }
  | { readonly type: "text"; readonly text: string; readonly logprobs: readonly AnswerLogprob[] }
  | {
    readonly type: "reasoning";
    readonly text: string;
    readonly logprobs: readonly AnswerLogprob[];
  }
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
    /** What did not go as it was asked, though the answer is right. */
    readonly notices?: readonly Notice[];
  };
