import type { RowNames, ScopedState, SessionStore } from "../../disk_cache/mod.ts";
import type { KeeperClient } from "../keeper_client.ts";
import type { DeleteResult, FindSessionResult, PublishResult } from "../messages.ts";

/** What sessions depend on: see `SharedTarget`. */
interface SessionTarget {
  readonly identity: string;
  /** Maximum bytes of a state. */
  readonly mostBytes: number;
}

/** A session that is looked for. */
export interface SessionQuery {
  readonly name: string;
  /** What its tokens are computed with besides the model, such as adapters. */
  readonly scope: string;
  /** Maximum bytes of its state. */
  readonly mostBytes: number;
}

/** What other servers have of a session. */
export interface NewerSession {
  /** Null if there is none that is newer than the one of this server, or if it cannot be used. */
  readonly state: ScopedState | null;
  /** Whether the one of this server was deleted on all servers. */
  readonly isDeleted: boolean;
  /** The highest version that is known; 0: none. The next one must be higher. */
  readonly newest: number;
  /** Why a newer one is not used. It can follow "because". */
  readonly reason: string | null;
}

const UNUSABLE: Readonly<Record<NonNullable<FindSessionResult["unusable"]>, string>> = {
  damaged: "its shared state is damaged",
  large: "its shared state is larger than the context may have written",
  incompatible: "another server has saved it with another model, adapter, cache type or library",
};

/** Why nothing is written to the shared cache, or read from it. It can follow "because". */
const LOST = "the shared cache cannot be used now";

/** A state of a session with its version. */
export type SessionState = ScopedState & { readonly savedAt: number };

/** The sessions that several servers share, by name. The newest version counts. */
export class SharedSessions {
  readonly #keeper: KeeperClient;
  readonly #names: RowNames;
  readonly #target: () => SessionTarget;

  /** @param target what the current context needs. */
  constructor(keeper: KeeperClient, names: RowNames, target: () => SessionTarget) {
    this.#keeper = keeper;
    this.#names = names;
    this.#target = target;
  }

  /** Identifies the context that is used. */
  get identity(): string {
    return this.#target().identity;
  }

  /** Why no session can be read now; null if one can. */
  get unreadable(): string | null {
    if (!this.#keeper.mayAsk) return LOST;
    return this.#keeper.isReady ? null : "the model's file is not identified yet";
  }

  /**
   * Reads a session that is newer than the one of this server. If another server has deleted it since, this server
   * deletes it too.
   *
   * @param signal ends the read, when nothing waits for it any more
   */
  async findNewer(
    { name, scope, mostBytes }: SessionQuery,
    store: SessionStore,
    signal: AbortSignal,
  ): Promise<NewerSession> {
    const { identity } = this;
    const own = store.version(name, scope);
    const limit = Math.min(mostBytes, this.#target().mostBytes);
    const request = { identity, scope, name, own, mostBytes: limit };
    const result = await this.#keeper.ask<FindSessionResult>(
      { type: "find-session", request },
      signal,
    );
    if (result === null) return { state: null, isDeleted: false, newest: own, reason: LOST };
    const isDeleted = own > 0 && result.deletedAt > own;
    if (isDeleted) deleteOwn(store, name);
    const state = identity === this.identity ? this.#use(result, scope) : null;
    this.#count(result, state !== null, signal);
    const unusable = result.stored !== null && state === null ? "incompatible" : result.unusable;
    return {
      ...{ state, isDeleted, newest: Math.max(own, result.newest) },
      reason: unusable && UNUSABLE[unusable],
    };
  }

  /** The state of a result with the images of this process; null if it has none, or others. */
  #use({ stored }: FindSessionResult, scope: string): ScopedState | null {
    const tokens = stored && this.#names.fromFile(stored);
    if (stored === null || tokens === null) return null;
    const { state, checkpoints } = stored;
    return { tokens, state, checkpoints, scope };
  }

  #count({ bytes, unusable, newest }: FindSessionResult, isUsed: boolean, signal: AbortSignal) {
    const { counts } = this.#keeper;
    counts.readBytes += bytes;
    if (unusable === "damaged") {
      this.#keeper.refuse("a session is damaged or was made by another program; it is not used");
    }
    if (signal.aborted) counts.late++;
    else if (isUsed) counts.hits++;
    else if (newest === 0) counts.misses++;
  }

  /** Counts a state that libllama does not accept. */
  refuse(): void {
    this.#keeper.refuse("libllama does not accept a shared session; its prompt is computed");
  }

  /** Why a session cannot be written now; null if it can. It can follow "because". */
  get unwritable(): string | null {
    if (!this.#keeper.mayAsk) return LOST;
    return this.#keeper.isFull ? "too many states wait to be written to the shared cache" : null;
  }

  /**
   * Writes a session later. The memory of its state is no longer usable, that of its checkpoints is.
   * @returns whether it was written.
   */
  async save(name: string, session: SessionState): Promise<boolean> {
    const { tokens, state, checkpoints, scope, savedAt } = session;
    const { counts } = this.#keeper;
    const named = this.#names.toFile(tokens);
    if (named === null || this.unwritable !== null) {
      counts.dropped++;
      return false;
    }
    const copies = checkpoints.map((one) => ({ position: one.position, state: one.state }));
    const stored = { ...named, state, checkpoints: copies, savedAt };
    const { identity } = this;
    const result = await this.#keeper.write<PublishResult>(
      { type: "save-session", request: { identity, scope, name, stored } },
      state,
    );
    if (result === null) {
      counts.dropped++;
      return false;
    }
    counts.writes++;
    counts.writtenBytes += result.bytes;
    return true;
  }

  /**
   * Deletes a session of any model on all servers.
   * @returns the number of sessions; null if the store cannot be used.
   */
  async delete(name: string): Promise<number | null> {
    if (!this.#keeper.mayAsk) return null;
    const result = await this.#keeper.ask<DeleteResult>({ type: "delete-session", name });
    return result && result.deleted;
  }
}

/** A session that cannot be deleted is found deleted at the next use too. */
function deleteOwn(store: SessionStore, name: string): void {
  try {
    store.delete(name);
  } catch {
    // The folder is read-only.
  }
}
