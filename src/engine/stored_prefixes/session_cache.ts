import { messageOf, ShimmyError } from "../../errors.ts";
import type { KvStream, PrefixCache, SavedState } from "../kv_cache/mod.ts";
import { reasonOf, type SessionStore } from "../disk_cache/mod.ts";
import type { Notice, SequenceRequest } from "../protocol/mod.ts";

/** The saved session of a request. */
export interface OpenedSession {
  /** Tokens of the restored state; null if there is none. */
  readonly tokens: readonly number[] | null;
  /** The state, if the prefix cache holds it for this request. */
  readonly inserted: SavedState | null;
  /** Why an existing session cannot be used. */
  readonly notice: Notice | null;
}

/** The properties of a sequence that sessions need. */
export interface SessionSequence {
  readonly session: OpenedSession;
  readonly request: SequenceRequest;
  readonly promptLength: number;
  readonly cachedTokens: number;
  readonly tokens: readonly number[];
  readonly notices: Notice[];
  readonly stream: KvStream | null;
  readonly adapters: { readonly key: string };
  readonly isShifted: boolean;
}

const NO_SESSION: OpenedSession = { tokens: null, inserted: null, notice: null };

/** Loads saved sessions into the prefix cache and saves sequences to disk. */
export class SessionCache {
  readonly #store: SessionStore | null;
  readonly #cache: PrefixCache;

  /** @param store null without a session folder. */
  constructor(store: SessionStore | null, cache: PrefixCache) {
    this.#store = store;
    this.#cache = cache;
  }

  /**
   * Inserts the saved state of a request's session into the prefix cache.
   * @param scope what the tokens are computed with besides the model, such as adapters.
   * @throws {ShimmyError} `invalid` without a session folder.
   */
  open({ session: name }: SequenceRequest, scope: string): OpenedSession {
    if (name === undefined) return NO_SESSION;
    if (this.#store === null) {
      throw new ShimmyError("invalid", "session: not available, because no session folder is set", {
        field: "session",
      });
    }
    const found = this.#store.find(name, scope);
    switch (found.status) {
      case "found": {
        const inserted = this.#cache.insertState({ ...found.session, scope });
        return { tokens: found.session.tokens, inserted, notice: null };
      }
      case "missing":
        return NO_SESSION;
      case "incompatible":
        return notReused("it was saved with another model, adapter, cache type or library");
      case "unreadable":
        return notReused("its file cannot be read", found.reason);
    }
  }

  /**
   * Checks, after a sequence got its stream, whether the stream holds the session state; if not,
   * adds a notice.
   */
  begin({ session, cachedTokens, request, promptLength, tokens, notices }: SessionSequence): void {
    const saved = session.tokens;
    if (saved === null || cachedTokens > 0 || request.cachePrompt === false) return;
    if (request.promptLogprobs !== undefined) return;
    // The last prompt token is always computed.
    const usable = Math.min(saved.length, promptLength - 1);
    const continues = usable > 0 &&
      saved.every((token, at) => at >= usable || token === tokens[at]);
    const { notice } = continues
      ? notReused("its state could not be restored")
      : notReused("the prompt does not continue the saved tokens");
    if (notice !== null) notices.push(notice);
  }

  /** Saves the final state of a sequence. A failure adds a notice; the answer is still correct. */
  save({ request, stream, adapters, notices, isShifted }: SessionSequence): void {
    if (request.session === undefined || stream === null || stream.tokens.length === 0) return;
    if (isShifted) {
      notices.push({ message: "session: not saved, because its context was shifted" });
      return;
    }
    try {
      this.#store?.save(request.session, this.#cache.stateOf(stream), adapters.key);
    } catch (error) {
      notices.push({
        message: `session: not saved, because ${reasonOf(error)}`,
        detail: messageOf(error),
      });
    }
  }
}

function notReused(reason: string, detail?: string): OpenedSession {
  const message = `session: not reused, because ${reason}; the prompt was recomputed`;
  return {
    tokens: null,
    inserted: null,
    notice: { message, ...(detail === undefined ? {} : { detail }) },
  };
}
