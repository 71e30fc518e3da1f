import type { SharedStore } from "../../shared_store/mod.ts";
import { addedUses, isKeyUses, type KeyUses } from "./key_use.ts";
import type { UseStorage } from "./use_file.ts";

/** Name of the text in the store. */
const NAME = "use";

/** Attempts to add to the text while other servers change it. */
const ATTEMPTS = 8;

/**
 * Ids of the latest additions that the text has. A server looks for its own before it adds again, which may be
 * some seconds later: meanwhile each other server adds once a second.
 */
const WRITES = 256;

/** What the text tells. */
interface SharedText {
  /** Ids of the latest additions, the last one first. */
  readonly writes: readonly string[];
  readonly uses: KeyUses;
}

const EMPTY: SharedText = { writes: [], uses: {} };

/**
 * The use of keys that several servers count together. Each one also keeps its own use in its own file: for
 * `shimmy keys list`, and for a start without the store. What is used while the store cannot be reached is added
 * to it when it can be reached again.
 */
export class SharedUse implements UseStorage {
  readonly #store: SharedStore;
  readonly #own: UseStorage;
  /** What was not sent to the store yet. */
  #pending: KeyUses = {};
  /**
   * What was sent to the store without a confirmation, which is sent again with the same id. The store may have
   * it nevertheless, or get it later: a slow answer is not waited for.
   */
  #sent: readonly { readonly id: string; readonly uses: KeyUses }[] = [];

  constructor(store: SharedStore, own: UseStorage) {
    this.#store = store;
    this.#own = own;
  }

  async read(): Promise<KeyUses | null> {
    return readText(await this.#store.get(NAME))?.uses ?? await this.#own.read();
  }

  async add(more: KeyUses, last: KeyUses, now: number): Promise<KeyUses> {
    const before = this.#pending;
    this.#pending = addedUses(before, more, now);
    try {
      await this.#own.add(more, {}, now);
    } catch (error) {
      // The caller adds it again.
      this.#pending = before;
      throw error;
    }
    return await this.#addToStore(now) ?? addedUses(last, more, now);
  }

  /** @returns null if nothing was added. */
  async #addToStore(now: number): Promise<KeyUses | null> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const text = await this.#store.get(NAME);
      if (text === undefined) return null;
      const { writes, uses } = readText(text) ?? EMPTY;
      this.#sent = this.#sent.filter(({ id }) => !writes.includes(id));
      if (Object.keys(this.#pending).length > 0) {
        this.#sent = [...this.#sent, { id: crypto.randomUUID(), uses: this.#pending }];
        this.#pending = {};
      }
      const after: SharedText = {
        writes: [...this.#sent.map(({ id }) => id), ...writes].slice(0, WRITES),
        uses: this.#sent.reduce((sum, sent) => addedUses(sum, sent.uses, now), uses),
      };
      if (!await this.#store.replace(NAME, text, JSON.stringify(after))) continue;
      this.#sent = [];
      return after.uses;
    }
    return null;
  }
}

/** What a text tells; null for no text, or one of another program. */
function readText(text: string | null | undefined): SharedText | null {
  if (text === null || text === undefined) return null;
  try {
    const { writes, uses } = JSON.parse(text) as SharedText;
    return Array.isArray(writes) && isKeyUses(uses) ? { writes, uses } : null;
  } catch {
    return null;
  }
}
