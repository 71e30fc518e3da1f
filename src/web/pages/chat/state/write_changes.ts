import type { Conversation } from "../../../conversation/mod.ts";
import type { History } from "../../../storage/mod.ts";

/** Writes to the history what differs between two states of a conversation. */
export async function writeChanges(
  history: Pick<History, "write">,
  before: Conversation,
  after: Conversation,
): Promise<void> {
  const { messages } = after;
  const written = [...messages.values()].filter((one) => before.messages.get(one.id) !== one);
  const removed = [...before.messages.keys()].filter((one) => !messages.has(one));
  await history.write(after, written, removed);
}
