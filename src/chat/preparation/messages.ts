import {
  deserializeError,
  type ModelInfo,
  type PromptPart,
  type SerializedError,
  serializeError,
} from "../../engine/protocol/mod.ts";
import type { Constraint } from "../constraint/mod.ts";
import type { Format, Input, Tool } from "../conversation/mod.ts";
import { formatNamed } from "../formats/mod.ts";
import type { RenderedChat } from "../prompt/mod.ts";
import type { Phase, PreparedAnswer } from "./prepare.ts";

/** Work for a preparation thread. */
export type Task =
  | ModelTask
  /** Parse a JSON text in UTF-8. */
  | { readonly type: "json"; readonly bytes: Uint8Array<ArrayBuffer>; readonly field: string };

/** Work that needs a model. */
export type ModelTask =
  | { readonly type: "answer"; readonly input: Input; readonly format: Format }
  | { readonly type: "prompt"; readonly input: Input };

/** Message to a preparation thread. */
export interface ToThread {
  /** The model of the task; absent for a task without one. */
  readonly model?: SentModel;
  readonly task: Task;
}

/** A model in a message. */
export interface SentModel {
  readonly id: number;
  /** Present in the first message about the model. */
  readonly info?: ModelInfo;
  /** A model that is not named again. */
  readonly forget?: number;
}

/** Message from a preparation thread. The last message about a task has its result. */
export type FromThread =
  | { readonly phase: Phase }
  | { readonly answer: SentAnswer; readonly isLarge: boolean }
  | { readonly prompt: readonly PromptPart[]; readonly isLarge: boolean }
  | { readonly json: unknown; readonly isLarge: boolean }
  /** `isLarge`: the heap of the thread has grown, and only its end returns the memory. */
  | {
    readonly error: SerializedError;
    readonly isLarge: boolean;
    /** A chat template that can render no conversation within its budget. */
    readonly unusable?: string;
  };

/** A prepared answer without functions, and without the tools that the receiver has. */
export interface SentAnswer {
  readonly prompt: readonly PromptPart[];
  readonly chat: SentChat | null;
  readonly constraint: Constraint | null;
  readonly grammarTokens: readonly { readonly text: string; readonly error: SerializedError }[];
}

type SentChat = Omit<RenderedChat, "parts" | "tools" | "format"> & {
  readonly format: string;
  /** Null: the tool of the request is unchanged. */
  readonly tools: readonly (Tool | null)[];
};

/** A prepared answer as a message to the sender of `input`. */
export function toMessage(answer: PreparedAnswer, input: Input): SentAnswer {
  const { chat, prompt, constraint, grammarTokens } = answer;
  return {
    prompt,
    chat: chat === null || input.type !== "chat" ? null : sentChat(chat, input.tools),
    constraint,
    grammarTokens: grammarTokens.map(({ text, error }) => ({ text, error: serializeError(error) })),
  };
}

function sentChat(
  { parts: _, tools, format, ...rest }: RenderedChat,
  given: readonly Tool[],
): SentChat {
  return {
    ...rest,
    tools: tools.map((tool, index) => tool === given[index] ? null : tool),
    format: format.name,
  };
}

/** The prepared answer of a message about `input`. */
export function fromMessage(sent: SentAnswer, input: Input): PreparedAnswer {
  const { prompt, chat, constraint, grammarTokens } = sent;
  return {
    prompt,
    chat: chat === null || input.type !== "chat" ? null : {
      ...chat,
      parts: prompt,
      tools: chat.tools.map((tool, index) => tool ?? input.tools[index]!),
      format: formatNamed(chat.format),
    },
    constraint,
    grammarTokens: grammarTokens.map(({ text, error }) => ({
      text,
      error: deserializeError(error),
    })),
  };
}
