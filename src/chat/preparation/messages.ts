import {
  deserializeError,
  type ModelInfo,
  type PromptPart,
  type SerializedError,
  serializeError,
} from "../../engine/protocol/mod.ts";
import type { Constraint } from "../constraint/mod.ts";
import { type Format, type Input, withUsableSchema } from "../conversation/mod.ts";
import { formatNamed } from "../formats/mod.ts";
import type { RenderedChat } from "../prompt/mod.ts";
import type { Phase, PreparedAnswer } from "./prepare.ts";

/** Work for a preparation thread. */
export type Task =
  | { readonly type: "answer"; readonly input: Input; readonly format: Format }
  | { readonly type: "prompt"; readonly input: Input };

/** Message to a preparation thread. */
export interface ToThread {
  /** Number of the model. `info` is present in the first message about it. */
  readonly model: number;
  readonly info?: ModelInfo;
  /** A model that is not named again. */
  readonly forget?: number;
  readonly task: Task;
}

/** Message from a preparation thread. The last message about a task has its result. */
export type FromThread =
  | { readonly phase: Phase }
  | { readonly answer: SentAnswer; readonly isLarge: boolean }
  | { readonly prompt: readonly PromptPart[]; readonly isLarge: boolean }
  /** `isLarge`: the heap of the thread has grown, and only its end returns the memory. */
  | { readonly error: SerializedError; readonly isLarge: boolean };

/** A prepared answer without functions, and without the tools, which the receiver has. */
export interface SentAnswer {
  readonly prompt: readonly PromptPart[];
  readonly chat: SentChat | null;
  readonly constraint: Constraint | null;
  readonly grammarTokens: readonly { readonly text: string; readonly error: SerializedError }[];
}

type SentChat = Omit<RenderedChat, "parts" | "tools" | "format"> & { readonly format: string };

/** A prepared answer as a message. */
export function toMessage(answer: PreparedAnswer): SentAnswer {
  const { chat, prompt, constraint, grammarTokens } = answer;
  return {
    prompt,
    chat: chat === null ? null : sentChat(chat),
    constraint,
    grammarTokens: grammarTokens.map(({ text, error }) => ({ text, error: serializeError(error) })),
  };
}

function sentChat({ parts: _, tools: _tools, format, ...rest }: RenderedChat): SentChat {
  return { ...rest, format: format.name };
}

/** The prepared answer of a message about `input`. */
export function fromMessage(sent: SentAnswer, input: Input): PreparedAnswer {
  const { prompt, chat, constraint, grammarTokens } = sent;
  return {
    prompt,
    chat: chat === null || input.type !== "chat" ? null : {
      ...chat,
      parts: prompt,
      tools: input.toolChoice.type === "none" ? [] : input.tools.map(withUsableSchema),
      format: formatNamed(chat.format),
    },
    constraint,
    grammarTokens: grammarTokens.map(({ text, error }) => ({
      text,
      error: deserializeError(error),
    })),
  };
}
