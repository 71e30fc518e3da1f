import type { Conversation, Message, Summary } from "./conversation.ts";

/** Maximum characters of a title that is made from a message. */
const TITLE_LENGTH = 60;

/** An id that no other message or conversation has. `crypto.randomUUID` needs a secure context. */
function createId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** An empty conversation. */
export function createConversation(
  fields: Partial<Omit<Conversation, "id">> = {},
  now = Date.now(),
): Conversation {
  return {
    title: "New chat",
    created: now,
    changed: now,
    isNamed: false,
    system: "",
    tools: "",
    model: null,
    sampling: {},
    chosen: {},
    messages: new Map(),
    ...fields,
    id: createId(),
  };
}

/** The time of the newest message: each message has its own time, which gives their order. */
let newest = 0;

/** A message with a new id. */
export function createMessage(fields: Omit<Message, "id" | "created">): Message {
  newest = Math.max(Date.now(), newest + 1);
  return { ...fields, id: createId(), created: newest };
}

export function summaryOf({ id, title, created, changed }: Conversation): Summary {
  return { id, title, created, changed };
}

/** A title from the beginning of a message. */
export function titleFrom(content: string): string {
  const line = content.trim().split("\n", 1)[0]!.replace(/^[#>*\s-]+/, "").replace(/\s+/g, " ");
  if (line === "") return "New chat";
  if (line.length <= TITLE_LENGTH) return line;
  const cut = line.slice(0, TITLE_LENGTH);
  return `${cut.slice(0, Math.max(cut.lastIndexOf(" "), TITLE_LENGTH / 2)).trimEnd()}…`;
}
