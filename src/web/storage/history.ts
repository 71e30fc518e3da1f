import { type DBSchema, type IDBPDatabase, openDB } from "idb";
import type { Conversation, Message, Summary } from "../conversation/mod.ts";
import type { Piece } from "../live/mod.ts";

/** A conversation without its messages. */
type Head = Omit<Conversation, "messages">;

interface Schema extends DBSchema {
  conversations: { key: string; value: Head };
  /** By conversation and id: an imported copy has the ids of its original. */
  messages: { key: [string, string]; value: Message & { readonly conversation: string } };
  tokens: {
    key: [string, string];
    value: { conversation: string; id: string; pieces: readonly Piece[] };
  };
}

/** The range of keys of a conversation. */
const within = (conversation: string) => IDBKeyRange.bound([conversation], [conversation, []]);

/** The history of conversations. */
export class History {
  readonly #database: IDBPDatabase<Schema>;

  constructor(database: IDBPDatabase<Schema>) {
    this.#database = database;
  }

  /** All conversations, the one that changed last first. */
  async list(): Promise<Summary[]> {
    const heads = await this.#database.getAll("conversations");
    return heads.map(({ id, title, created, changed }) => ({ id, title, created, changed }))
      .sort((a, b) => b.changed - a.changed);
  }

  /** A conversation with all messages; null if there is none. */
  async read(id: string): Promise<Conversation | null> {
    const head = await this.#database.get("conversations", id);
    if (head === undefined) return null;
    const stored = await this.#database.getAll("messages", within(id));
    const messages = stored.map(({ conversation: _, ...message }) => message)
      .sort((a, b) => a.created - b.created);
    return { ...head, messages: new Map(messages.map((one) => [one.id, one])) };
  }

  /** Writes the fields of a conversation and some of its messages, and removes others: all or nothing. */
  async write(
    { messages: _, ...head }: Conversation,
    written: Iterable<Message>,
    removed: Iterable<string>,
  ): Promise<void> {
    const stores = ["conversations", "messages", "tokens"] as const;
    const transaction = this.#database.transaction(stores, "readwrite");
    const conversations = transaction.objectStore("conversations");
    const messages = transaction.objectStore("messages");
    const tokens = transaction.objectStore("tokens");
    // Each of them fails when the transaction does.
    await Promise.all([
      conversations.put(head),
      ...Array.from(written, (one) => messages.put({ ...one, conversation: head.id })),
      ...Array.from(removed, (id) => [messages.delete([head.id, id]), tokens.delete([head.id, id])])
        .flat(),
      transaction.done,
    ]);
  }

  /** Writes a message of a conversation that has been written. */
  async writeMessage(conversation: string, message: Message): Promise<void> {
    await this.#database.put("messages", { ...message, conversation });
  }

  /** Removes a conversation with all that belongs to it. */
  async remove(conversation: string): Promise<void> {
    const stores = ["conversations", "messages", "tokens"] as const;
    const transaction = this.#database.transaction(stores, "readwrite");
    await Promise.all([
      transaction.objectStore("conversations").delete(conversation),
      transaction.objectStore("messages").delete(within(conversation)),
      transaction.objectStore("tokens").delete(within(conversation)),
      transaction.done,
    ]);
  }

  /** The tokens of an answer; empty where they were not kept. */
  async readTokens(conversation: string, id: string): Promise<readonly Piece[]> {
    return (await this.#database.get("tokens", [conversation, id]))?.pieces ?? [];
  }

  async writeTokens(conversation: string, id: string, pieces: readonly Piece[]): Promise<void> {
    await this.#database.put("tokens", { conversation, id, pieces });
  }

  /** The ids of conversations with a message that contains a text; case does not matter. */
  async search(text: string): Promise<ReadonlySet<string>> {
    const wanted = text.toLowerCase();
    const found = new Set<string>();
    let cursor = await this.#database.transaction("messages").store.openCursor();
    while (cursor !== null) {
      const { conversation, content } = cursor.value;
      if (content.toLowerCase().includes(wanted)) found.add(conversation);
      cursor = await cursor.continue();
    }
    return found;
  }
}

/** Opens the history of this browser. @throws {DOMException} where the browser keeps nothing. */
export async function openHistory(): Promise<History> {
  return new History(
    await openDB<Schema>("shimmy", 1, {
      upgrade(database) {
        database.createObjectStore("conversations", { keyPath: "id" });
        database.createObjectStore("messages", { keyPath: ["conversation", "id"] });
        database.createObjectStore("tokens", { keyPath: ["conversation", "id"] });
      },
    }),
  );
}
