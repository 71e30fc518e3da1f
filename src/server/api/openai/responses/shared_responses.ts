import type { JsonParser } from "../../../../chat/mod.ts";
import type { SharedStore } from "../../../../shared_store/mod.ts";
import { HttpError, parseJson } from "../../../http/mod.ts";
import type { ResponseStore, StoredResponse } from "./store.ts";

/** Seconds for which a response is shared. Each response has its whole conversation, so only the last counts. */
const SECONDS = 86_400;

/** Maximum characters of a shared response. A larger one is known to its own server alone. */
const MOST_CHARACTERS = 8 * 1024 * 1024;

/** Seconds after which a client may ask again for what the shared store could not do. */
const RETRY_SECONDS = 5;

const nameOf = (id: string) => `response:${id}`;

/** Responses that the store of several servers has. They are the same objects as in the server's own store. */
const shared = new WeakSet<StoredResponse>();

/** The responses that a request reaches, and those of other servers. */
export interface ReachableResponses {
  readonly own: ResponseStore;
  readonly shared: SharedResponses;
}

/** Makes the stored responses of several servers known to each. Without a shared store, nothing happens. */
export class SharedResponses {
  readonly #own: ResponseStore;
  readonly #store: SharedStore | undefined;
  readonly #parser: JsonParser | undefined;

  /** @param parser Parses large texts; absent: this thread does. */
  constructor(
    own: ResponseStore,
    store: SharedStore | undefined,
    parser: JsonParser | undefined,
  ) {
    this.#own = own;
    this.#store = store;
    this.#parser = parser;
  }

  /**
   * Makes the server's own store know what the shared one knows of a response. Where the shared store cannot be
   * reached, the own one stays as it is.
   * @returns false if the shared store cannot be reached.
   */
  async fetch(id: string): Promise<boolean> {
    if (this.#store === undefined) return true;
    const text = await this.#store.get(nameOf(id));
    if (text === undefined) return false;
    await this.#learn(id, text);
    return true;
  }

  /** @param text of the response in the shared store; null: it has none. */
  async #learn(id: string, text: string | null): Promise<void> {
    const known = this.#own.peek(id);
    if (text === null) {
      // Another server has deleted it, unless it was never shared.
      if (known !== undefined && shared.has(known)) this.#own.delete(id);
    } else if (known !== undefined) {
      // The store may have it although its answer came too late.
      shared.add(known);
    } else {
      const stored = await this.#parse(text);
      if (stored?.response.id !== id) return;
      shared.add(stored);
      this.#own.keep(stored);
    }
  }

  /** Shares a response of the server's own store. */
  async share(id: string): Promise<void> {
    const stored = this.#own.peek(id);
    if (this.#store === undefined || stored === undefined) return;
    // The size is that of its parts.
    if (stored.size > MOST_CHARACTERS) return;
    if (await this.#store.set(nameOf(id), JSON.stringify(stored), SECONDS)) shared.add(stored);
  }

  /**
   * Deletes a response in the shared store and then in the server's own.
   * @throws {HttpError} 503 if the shared store cannot be reached: other servers would still have the response.
   */
  async delete(id: string): Promise<void> {
    if (this.#store !== undefined && !await this.#store.delete(nameOf(id))) throw notDeleted(id);
    this.#own.delete(id);
  }

  /** @returns null for the text of another program. */
  async #parse(text: string): Promise<StoredResponse | null> {
    try {
      // A buffer of its own, as the parser needs.
      const bytes = new Uint8Array(new TextEncoder().encode(text));
      const value = await parseJson(bytes, "response", this.#parser);
      return isStored(value) ? value : null;
    } catch {
      return null;
    }
  }
}

/** The error for a response that cannot be deleted everywhere. */
export function notDeleted(id: string): HttpError {
  const message = `Cannot delete response '${id}': the shared store cannot be reached`;
  return new HttpError(503, message, { retryAfter: RETRY_SECONDS });
}

function isStored(value: unknown): value is StoredResponse {
  const { owner, response, input, conversation, size } = value as Partial<StoredResponse>;
  return (owner === null || typeof owner === "string") && typeof response?.id === "string" &&
    Array.isArray(input) && Array.isArray(conversation) && Number.isSafeInteger(size);
}
