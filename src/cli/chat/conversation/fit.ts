import type { Conversation } from "./conversation.ts";

/** Share of the context that stays free for an answer. */
const ANSWER_SHARE = 1 / 4;

/** What a conversation must fit into. Counts are in tokens. */
export interface Room {
  readonly contextLength: number;
  /** The most that an answer may have; null: no limit. */
  readonly maxTokens: number | null;
  /** Counts the tokens of the prompt. */
  readonly count: () => Promise<number>;
}

/**
 * Removes the oldest questions with their answers until the prompt leaves room for an answer. The last
 * question stays, however long it is.
 *
 * @returns the number of questions that were removed.
 */
export async function fitConversation(
  conversation: Conversation,
  { contextLength, maxTokens, count }: Room,
): Promise<number> {
  if (conversation.questions < 2) return 0;
  const share = Math.floor(contextLength * ANSWER_SHARE);
  const limit = contextLength - Math.min(share, maxTokens ?? share);
  let dropped = 0;
  while (await count() > limit && conversation.dropOldest()) dropped++;
  return dropped;
}
