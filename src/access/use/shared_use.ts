import type { SharedStore } from "../../shared_store/mod.ts";
import { addedUses, isKeyUses, type KeyUses } from "./key_use.ts";
import type { UseStorage } from "./use_file.ts";

/** Name of the text in the store. */
const NAME = "use";

/** Attempts to add to the text while other servers change it. */
const ATTEMPTS = 8;

/**
 * The use of keys that several servers count together. Each one also keeps its own use in its own file: for
 * `shimmy keys list`, and for a start without the store. What is used while the store cannot be reached is added
 * to it when it can be reached again.
 */
export class SharedUse implements UseStorage {
  readonly #store: SharedStore;
  readonly #own: UseStorage;
  /** What is not in the store yet. */
  #pending: KeyUses = {};

  constructor(store: SharedStore, own: UseStorage) {
    this.#store = store;
    this.#own = own;
  }

  async read(): Promise<KeyUses | null> {
    return usesIn(await this.#store.get(NAME)) ?? await this.#own.read();
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
      const after = addedUses(usesIn(text) ?? {}, this.#pending, now);
      if (!await this.#store.replace(NAME, text, JSON.stringify(after))) continue;
      this.#pending = {};
      return after;
    }
    return null;
  }
}

/** The use that a text tells; null for no text, or one of another program. */
function usesIn(text: string | null | undefined): KeyUses | null {
  if (text === null || text === undefined) return null;
  try {
    const value: unknown = JSON.parse(text);
    return isKeyUses(value) ? value : null;
  } catch {
    return null;
  }
}
