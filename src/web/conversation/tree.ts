import type { Conversation, Message } from "./conversation.ts";

/** The key of the beginning in `chosen`. */
const BEGINNING = "";

/** The ids of all messages by their parents, made once for each map of messages. */
const indexes = new WeakMap<ReadonlyMap<string, Message>, Map<string, Message[]>>();

function indexOf(messages: ReadonlyMap<string, Message>): Map<string, Message[]> {
  let index = indexes.get(messages);
  if (index === undefined) {
    index = Map.groupBy(messages.values(), ({ parent }) => parent ?? BEGINNING);
    indexes.set(messages, index);
  }
  return index;
}

/** The messages that follow a message, the oldest first; null: those that begin the conversation. */
export function childrenOf(
  { messages }: Pick<Conversation, "messages">,
  parent: string | null,
): readonly Message[] {
  return indexOf(messages).get(parent ?? BEGINNING) ?? [];
}

/** A message and the others in its place. */
export function siblingsOf(
  conversation: Pick<Conversation, "messages">,
  message: Message,
): readonly Message[] {
  return childrenOf(conversation, message.parent);
}

/** The messages of the chosen branch. Where no child is chosen, the newest is. */
export function pathOf(conversation: Pick<Conversation, "messages" | "chosen">): Message[] {
  const path: Message[] = [];
  for (let parent: string | null = null;;) {
    const children = childrenOf(conversation, parent);
    const id: string | undefined = conversation.chosen[parent ?? BEGINNING];
    const next: Message | undefined = children.find((child) => child.id === id) ?? children.at(-1);
    if (next === undefined) return path;
    path.push(next);
    parent = next.id;
  }
}

/** The messages up to and with a message, the first one first. Null: none. */
export function pathTo(
  { messages }: Pick<Conversation, "messages">,
  id: string | null,
): Message[] {
  const path: Message[] = [];
  for (let at = id; at !== null;) {
    const message = messages.get(at);
    if (message === undefined) break;
    path.push(message);
    at = message.parent;
  }
  return path.reverse();
}

/** The conversation in which the branch of a message is the chosen one. */
export function choose(conversation: Conversation, id: string): Conversation {
  const chosen = { ...conversation.chosen };
  for (const message of pathTo(conversation, id)) chosen[message.parent ?? BEGINNING] = message.id;
  return { ...conversation, chosen };
}

/** The conversation with another message, which is on the chosen branch. */
export function addMessage(conversation: Conversation, message: Message): Conversation {
  const messages = new Map(conversation.messages).set(message.id, message);
  const changed = Math.max(conversation.changed, message.created);
  return choose({ ...conversation, messages, changed }, message.id);
}

/** The conversation with changed fields of a message; without effect if the message was removed. */
export function replaceMessage(
  conversation: Conversation,
  id: string,
  change: (message: Message) => Message,
): Conversation {
  const message = conversation.messages.get(id);
  if (message === undefined) return conversation;
  const messages = new Map(conversation.messages).set(id, change(message));
  return { ...conversation, messages };
}

/** The conversation without a message and all that follows it, and the ids of these messages. */
export function removeMessage(
  conversation: Conversation,
  id: string,
): { readonly conversation: Conversation; readonly removed: readonly string[] } {
  const removed = [id];
  for (const parent of removed) {
    removed.push(...childrenOf(conversation, parent).map((child) => child.id));
  }
  const messages = new Map(conversation.messages);
  const chosen = { ...conversation.chosen };
  for (const gone of removed) {
    messages.delete(gone);
    delete chosen[gone];
  }
  const parent = conversation.messages.get(id)?.parent ?? BEGINNING;
  if (chosen[parent] === id) delete chosen[parent];
  return { conversation: { ...conversation, messages, chosen }, removed };
}
