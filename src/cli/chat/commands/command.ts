import type { AnswerLogprob } from "../../../chat/mod.ts";
import type { Timings, Usage } from "../../../engine/protocol/mod.ts";
import type { ModelHost, OpenModel } from "../../answering/mod.ts";
import type { Environment } from "../../environment/mod.ts";
import type { SAMPLING_OPTIONS, Values } from "../../options/mod.ts";
import type { Conversation, SavedConversations } from "../conversation/mod.ts";
import type { MessageReader } from "../editor/mod.ts";

/** Settings of a chat that its commands change. */
export interface ChatSettings {
  sampling: Values<typeof SAMPLING_OPTIONS>;
  /** Whether the model reasons; null: as it does by default. */
  thinks: boolean | null;
  /** How the reasoning is shown. */
  reasoning: "shown" | "folded";
  /** Show tokens and rates after each answer. */
  isVerbose: boolean;
  /** Answers are JSON objects. */
  isJson: boolean;
  /** Lines are broken between words. */
  wraps: boolean;
}

/** What is known about the last answer. */
export interface LastAnswer {
  readonly text: string;
  readonly reasoning: string;
  readonly logprobs: readonly AnswerLogprob[];
  readonly usage: Usage;
  readonly timings: Timings;
}

/** Sums over all answers of a chat. */
export interface Totals {
  answers: number;
  promptTokens: number;
  completionTokens: number;
}

/** The chat, as its commands use it. */
export interface ChatContext {
  readonly environment: Environment;
  readonly host: ModelHost;
  readonly model: OpenModel;
  readonly reader: MessageReader;
  readonly conversation: Conversation;
  readonly saved: SavedConversations;
  readonly settings: ChatSettings;
  readonly totals: Totals;
  /** The last answer; null before the first. */
  last: LastAnswer | null;
  /** Answers to the last question that `/fork` has computed. */
  alternatives: readonly LastAnswer[];
  /** Shows a line that confirms what a command did, or an answer to it. */
  say(text: string): void;
  /** Loads another model for the next answers. */
  switchModel(name: string): Promise<void>;
  /**
   * Answers the last question, and shows the answer while it streams.
   * @param sampling replaces settings for this answer.
   * @returns false when the answer failed or was stopped before its first token.
   */
  answer(sampling?: Partial<ChatSettings["sampling"]>): Promise<boolean>;
  /**
   * Answers the last question several times at once, and shows the answers one below the other while they
   * stream. The conversation gets none of them.
   */
  answers(count: number): Promise<readonly LastAnswer[]>;
  /** Tokens of the conversation as a prompt. */
  countTokens(): Promise<number>;
  /**
   * Waits for work of a server or another program, which may take any time; Ctrl-C gives it up.
   * @throws {ShimmyError} `cancelled`
   */
  wait<T>(work: () => Promise<T>): Promise<T>;
  /** Ends the chat after the command. */
  leave(): void;
}

/** What Tab completes after a command. */
export type Completed = "model" | "file" | "session" | readonly string[];

/** A command of the chat. */
export interface ChatCommand {
  /** The command and its arguments, such as `/save NAME`. */
  readonly usage: string;
  readonly help: string;
  readonly completes?: Completed;
  readonly run: (chat: ChatContext, argument: string) => Promise<void> | void;
}

/** Several commands by their names, without the slash. */
export type ChatCommands = Readonly<Record<string, ChatCommand>>;

/** Tells that the model does not read the images or sounds of the conversation, which it would refuse. */
export function tellUnreadMedia(
  chat: Pick<ChatContext, "conversation" | "model" | "say">,
): void {
  const { conversation, model } = chat;
  for (const [type, what] of [["image", "images"], ["audio", "sounds"]] as const) {
    const refusal = conversation.hasMedia(type) ? model.refusalOf(type) : null;
    if (refusal === null) continue;
    chat.say(
      `The conversation has ${what}, and ${refusal}. /undo and /clear remove them; ` +
        "/load chooses another model.",
    );
  }
}

/** `3 tokens`, `1 token`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
