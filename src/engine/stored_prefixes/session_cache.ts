import { messageOf, ShimmyError } from "../../errors.ts";
import type { KvStream, PrefixCache, SavedState } from "../kv_cache/mod.ts";
import { reasonOf, type SessionStore } from "../disk_cache/mod.ts";
import type { Notice, SequenceRequest } from "../protocol/mod.ts";
import type { SessionState, SharedSessions } from "../shared_states/mod.ts";

/** The saved session of a request. */
export interface OpenedSession {
  /** Tokens of the restored state; null if there is none. */
  readonly tokens: readonly number[] | null;
  /** The state, if the prefix cache holds it for this request. */
  readonly inserted: SavedState | null;
  /** Why an existing session is not used. */
  readonly notices: readonly Notice[];
  /** The highest version that is known; 0: none. */
  readonly version: number;
  /** Whether the session is still to be opened, because other servers are asked for it. */
  readonly isPending?: true;
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

const NO_SESSION: OpenedSession = { tokens: null, inserted: null, notices: [], version: 0 };

/** The parts of the shared sessions that writing needs. */
export type SessionWriter = Pick<SharedSessions, "unwritable" | "save">;

/** Loads saved sessions into the prefix cache and saves sequences to disk. */
export class SessionCache {
  readonly #store: SessionStore | null;
  readonly #cache: PrefixCache;
  readonly #shared: SessionWriter | null;

  /**
   * @param store null without a session folder.
   * @param shared null without sessions that servers share.
   */
  constructor(store: SessionStore | null, cache: PrefixCache, shared: SessionWriter | null) {
    this.#store = store;
    this.#cache = cache;
    this.#shared = shared;
  }

  /** @throws {ShimmyError} `invalid` without a session folder. */
  get store(): SessionStore {
    if (this.#store !== null) return this.#store;
    throw new ShimmyError("invalid", "session: not available, because no session folder is set", {
      field: "session",
    });
  }

  /**
   * Inserts the saved state of a request's session into the prefix cache, unless other servers are asked for it
   * first.
   *
   * @param scope what the tokens are computed with besides the model, such as adapters.
   * @throws {ShimmyError} `invalid` without a session folder.
   */
  open(request: SequenceRequest, scope: string): OpenedSession {
    const { session: name } = request;
    if (name === undefined) return NO_SESSION;
    const { store } = this;
    if (this.#shared !== null && mayReuse(request)) return { ...NO_SESSION, isPending: true };
    return this.openOwn(name, scope, store);
  }

  /** Inserts the state of a session of this server into the prefix cache. */
  openOwn(name: string, scope: string, store = this.store): OpenedSession {
    const found = store.find(name, scope);
    switch (found.status) {
      case "found": {
        const { tokens, savedAt: version = 1 } = found.session;
        const inserted = this.#cache.insertState({ ...found.session, scope });
        return { tokens, inserted, notices: [], version };
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
    if (saved === null || cachedTokens > 0 || !mayReuse(request)) return;
    // The last prompt token is always computed.
    const usable = Math.min(saved.length, promptLength - 1);
    const continues = usable > 0 &&
      saved.every((token, at) => at >= usable || token === tokens[at]);
    const { notices: reasons } = continues
      ? notReused("its state could not be restored")
      : notReused("the prompt does not continue the saved tokens");
    notices.push(...reasons);
  }

  /**
   * Saves the final state of a sequence, and writes it for other servers later. A failure adds a notice; the
   * answer is still correct.
   */
  save({ request, stream, adapters, notices, isShifted, session }: SessionSequence): void {
    const { session: name } = request;
    if (name === undefined || stream === null || stream.tokens.length === 0) return;
    if (isShifted) {
      notices.push({ message: "session: not saved, because its context was shifted" });
      return;
    }
    const { key: scope } = adapters;
    // Another server's clock may be ahead of this one.
    const savedAt = Math.max(Date.now(), session.version + 1);
    try {
      const state = { ...this.#cache.stateOf(stream), scope, savedAt };
      const failure = this.#saveOwn(name, state);
      if (failure !== null) notices.push(failure);
      const reason = this.#share(name, state);
      if (reason !== null) notices.push(notShared("other servers do not get its state", reason));
    } catch (error) {
      notices.push(notSaved(error));
    }
  }

  /** @returns a notice if the file cannot be written. */
  #saveOwn(name: string, state: SessionState): Notice | null {
    try {
      this.#store?.save(name, state, state.scope);
      return null;
    } catch (error) {
      return notSaved(error);
    }
  }

  /** @returns why the state is not written for other servers. */
  #share(name: string, state: SessionState): string | null {
    const reason = this.#shared?.unwritable ?? null;
    // Where it cannot be written, it is counted as dropped.
    void this.#shared?.save(name, state);
    return reason;
  }
}

/** Whether a request may reuse a state: cached tokens have no logits, which prompt log probabilities need. */
function mayReuse({ cachePrompt, promptLogprobs }: SequenceRequest): boolean {
  return cachePrompt !== false && promptLogprobs === undefined;
}

function notSaved(error: unknown): Notice {
  return {
    message: `session: not saved, because ${reasonOf(error)}`,
    detail: messageOf(error),
  };
}

/** The notice that other servers do not get a session, or that this one does not get theirs. */
export function notShared(what: string, reason: string): Notice {
  return { message: `session: ${what}, because ${reason}` };
}

function notReused(reason: string, detail?: string): OpenedSession {
  const message = `session: not reused, because ${reason}; the prompt was recomputed`;
  return { ...NO_SESSION, notices: [{ message, ...(detail === undefined ? {} : { detail }) }] };
}
