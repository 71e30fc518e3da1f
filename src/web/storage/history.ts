import { type IDBPDatabase, openDB } from "idb";
import type { Conversation, Message, Summary } from "../conversation/mod.ts";
import type { Piece } from "../live/mod.ts";
import type { Schema, StoredMedia } from "./schema.ts";
import { removeSurplus, withMedia, withoutMedia } from "./stored_media.ts";

/** The version of the stores; version 1 had no images. */
const VERSION = 2;

/** The stores with what belongs to a message, by conversation and message. */
const PARTS = ["messages", "tokens", "images"] as const;

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
    const [stored, allMedia] = await Promise.all([
      this.#database.getAll("messages", within(id)),
      this.#database.getAll("images", within(id)),
    ]);
    const media = new Map(allMedia.map((one) => [one.id, one]));
    const messages = stored
      .map(({ conversation: _, ...message }) => withMedia(message, media.get(message.id)))
      .sort((a, b) => a.created - b.created);
    return { ...head, messages: new Map(messages.map((one) => [one.id, one])) };
  }

  /**
   * Writes the fields of a conversation and some of its messages, and removes others: all or nothing. Then
   * the oldest images and sounds are removed where there are too many.
   *
   * @throws {Error} if the write failed; where images or sounds did not fit, the rest was written.
   */
  async write(
    conversation: Conversation,
    written: Iterable<Message>,
    removed: Iterable<string>,
  ): Promise<void> {
    const { id } = conversation;
    const stripped = Array.from(written, (one) => withoutMedia(id, one));
    const media = stripped.flatMap(([, stored]) => stored ?? []);
    const messages = stripped.map(([one]) => one);
    const gone = [...removed];
    try {
      await this.#writeAll(conversation, messages, media, gone);
    } catch (error) {
      if (media.length === 0) throw error;
      await this.#writeAll(conversation, messages, [], gone);
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(`its images or sounds do not fit (${reason}); the text was written`);
    }
    if (media.length > 0) await removeSurplus(this.#database.transaction("images", "readwrite"));
  }

  async #writeAll(
    { messages: _, ...head }: Conversation,
    messages: readonly Message[],
    media: readonly StoredMedia[],
    removed: readonly string[],
  ): Promise<void> {
    const transaction = this.#database.transaction(["conversations", ...PARTS], "readwrite");
    // Each of them fails when the transaction does.
    await Promise.all([
      transaction.objectStore("conversations").put(head),
      ...messages.map((one) =>
        transaction.objectStore("messages").put({ ...one, conversation: head.id })
      ),
      ...media.map((one) => transaction.objectStore("images").put(one)),
      ...Array.from(
        removed,
        (id) => PARTS.map((name) => transaction.objectStore(name).delete([head.id, id])),
      ).flat(),
      transaction.done,
    ]);
  }

  /** Writes an answer of a conversation that has been written. */
  async writeMessage(conversation: string, message: Message): Promise<void> {
    await this.#database.put("messages", { ...message, conversation });
  }

  /** Removes a conversation with all that belongs to it. */
  async remove(conversation: string): Promise<void> {
    const transaction = this.#database.transaction(["conversations", ...PARTS], "readwrite");
    await Promise.all([
      transaction.objectStore("conversations").delete(conversation),
      ...PARTS.map((name) => transaction.objectStore(name).delete(within(conversation))),
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

/**
 * Opens the history of this browser.
 *
 * @param onBlocked another tab keeps an older version open; the history opens when it is closed.
 * @throws {DOMException} where the browser keeps nothing.
 */
export async function openHistory(onBlocked: () => void): Promise<History> {
  const database = await openDB<Schema>("shimmy", VERSION, {
    upgrade(database, before) {
      if (before < 1) {
        database.createObjectStore("conversations", { keyPath: "id" });
        database.createObjectStore("messages", { keyPath: ["conversation", "id"] });
        database.createObjectStore("tokens", { keyPath: ["conversation", "id"] });
      }
      const images = database.createObjectStore("images", { keyPath: ["conversation", "id"] });
      images.createIndex("age", ["created", "size"]);
    },
    blocked: onBlocked,
    // A newer page in another tab must not wait for this one.
    blocking: () => database.close(),
  });
  return new History(database);
}
