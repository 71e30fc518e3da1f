import { ShimmyError } from "../../errors.ts";
import type { SlotChange, SlotChangeResult, SlotStatus } from "../protocol/mod.ts";
import type { ScopedState, SessionStore } from "../disk_cache/mod.ts";
import type { KvStream, PrefixCache } from "../kv_cache/mod.ts";
import type { NewerSession, SharedStates } from "../shared_states/mod.ts";

/** What slots need of a model and its current context. */
export interface SlotModel {
  /** Null without a session folder. */
  readonly sessions: SessionStore | null;
  /** Null without sessions that servers share. */
  readonly sharedStates: SharedStates | null;
}

type Changed = Omit<SlotChangeResult, "milliseconds">;
type SessionChange = Extract<SlotChange, { action: "restore" }>;

/** Runs native work; throws if the model is no longer loaded. */
export type Native = <T>(work: () => T) => T;

/** A running sequence. */
interface SlotSequence {
  readonly stream: KvStream | null;
  readonly promptLength: number;
  readonly cachedTokens: number;
  readonly completionTokens: number;
  readonly maxTokens: number;
}

/** Milliseconds that a saved slot of another server may take. */
const SHARED_MS = 60_000;

/** Seconds after which a slot that is in use may be free. */
const BUSY_RETRY = 1;

/** Status and changes of the slots: the streams of the KV cache as the requests know them. */
export class Slots {
  readonly #modelOf: () => SlotModel;
  readonly #scope: () => string;
  readonly #cache: PrefixCache;

  /**
   * @param model the model with its current context.
   * @param scope the scope of sequences with the adapters of requests that choose none.
   */
  constructor(model: () => SlotModel, cache: PrefixCache, scope: () => string) {
    this.#modelOf = model;
    this.#scope = scope;
    this.#cache = cache;
  }

  /** The slots in the order of their ids. */
  status(running: readonly SlotSequence[]): SlotStatus[] {
    return this.#cache.streams.map(({ id, tokens }) => {
      const sequence = running.find(({ stream }) => stream?.id === id);
      return {
        id,
        tokens: tokens.length,
        running: sequence === undefined ? null : {
          promptTokens: sequence.promptLength,
          cachedTokens: sequence.cachedTokens,
          completionTokens: sequence.completionTokens,
          remainingTokens: Math.max(0, sequence.maxTokens - sequence.completionTokens),
        },
      };
    });
  }

  /** @throws {ShimmyError} `invalid` for a slot that does not exist. */
  find(slot: number): KvStream {
    const stream = this.#cache.streams[slot];
    if (stream !== undefined) return stream;
    const last = this.#cache.streams.length - 1;
    throw invalid("id_slot", `must be a slot from 0 to ${last}, not ${slot}`);
  }

  /**
   * Saves, restores or erases the tokens of an idle slot. With sessions that servers share, the result waits for
   * those.
   *
   * @param native runs the work after a wait.
   * @throws {ShimmyError} `invalid`, `not_found` for an unknown session, `overloaded` for a slot that is
   * in use, `backend` with the reason.
   */
  async change(change: SlotChange, native: Native): Promise<SlotChangeResult> {
    const start = performance.now();
    const stream = this.#idle(change.slot);
    const bytes = await this.#apply(stream, change, native);
    return { ...bytes, milliseconds: performance.now() - start };
  }

  #idle(slot: number): KvStream {
    const stream = this.find(slot);
    if (!stream.busy && this.#cache.isSettled(stream)) return stream;
    throw new ShimmyError("overloaded", `Slot ${stream.id} is in use`, { retryAfter: BUSY_RETRY });
  }

  async #apply(stream: KvStream, change: SlotChange, native: Native): Promise<Changed> {
    const { length: tokens } = stream.tokens;
    switch (change.action) {
      case "erase":
        this.#cache.erase(stream);
        return { tokens, bytes: 0 };
      case "save":
        return { tokens, ...await this.#save(stream, change.session) };
      case "restore":
        return await this.#restore(change, native);
    }
  }

  async #save(stream: KvStream, session: string): Promise<Omit<Changed, "tokens">> {
    const sessions = this.#sessions();
    const shared = this.#modelOf().sharedStates?.sessions ?? null;
    const state = this.#cache.stateOf(stream);
    const savedAt = Math.max(Date.now(), sessions.version(session, state.scope) + 1);
    const { length: bytes } = state.state;
    try {
      sessions.save(session, { ...state, savedAt }, state.scope);
    } catch (cause) {
      const message = `Cannot save slot ${stream.id}: its file cannot be written`;
      throw new ShimmyError("backend", message, { cause });
    }
    if (shared === null) return { bytes };
    const reason = shared.unwritable;
    if (reason === null && await shared.save(session, { ...state, savedAt })) return { bytes };
    return {
      bytes,
      notice: `other servers do not get the slot, because ${reason ?? "it cannot be written"}`,
    };
  }

  async #restore({ slot, session }: SessionChange, native: Native): Promise<Changed> {
    const scope = this.#scope();
    const sessions = this.#sessions();
    const shared = this.#modelOf().sharedStates?.sessions ?? null;
    if (shared === null) return this.#restoreOwn(this.find(slot), session, sessions, scope);
    const reason = shared.unreadable;
    let found: NewerSession | null = null;
    if (reason === null) {
      const query = { name: session, scope, mostBytes: Number.MAX_SAFE_INTEGER };
      found = await shared.findNewer(query, sessions, AbortSignal.timeout(SHARED_MS));
    }
    const why = reason ?? found?.reason ?? null;
    const notice = why === null
      ? {}
      : { notice: `what another server has saved is not used, because ${why}` };
    return native(() => {
      // A request may have taken the slot meanwhile, and the context may have been replaced.
      const stream = this.#idle(slot);
      if (found?.state) return { ...this.#put(stream, session, found.state), ...notice };
      if (found?.isDeleted) throw missing(session);
      return { ...this.#restoreOwn(stream, session, this.#sessions(), scope), ...notice };
    });
  }

  #restoreOwn(stream: KvStream, session: string, sessions: SessionStore, scope: string): Changed {
    const found = sessions.find(session, scope);
    if (found.status === "missing") throw missing(session);
    if (found.status === "incompatible") {
      throw invalid("filename", "was saved with another model, adapter, cache type or library");
    }
    if (found.status === "unreadable") {
      throw new ShimmyError("backend", `Cannot read the saved slot '${session}'`, {
        detail: found.reason,
      });
    }
    return this.#put(stream, session, { ...found.session, scope });
  }

  #put(stream: KvStream, session: string, saved: ScopedState): Changed {
    if (!this.#cache.restore(stream, saved)) {
      throw new ShimmyError("backend", `Cannot restore slot ${stream.id} from '${session}'`);
    }
    return { tokens: saved.tokens.length, bytes: saved.state.length };
  }

  /** @throws {ShimmyError} `invalid` without a session folder. */
  #sessions() {
    const { sessions } = this.#modelOf();
    if (sessions !== null) return sessions;
    throw invalid("filename", "slots cannot be saved, because no session folder is set");
  }
}

function missing(session: string): ShimmyError {
  return new ShimmyError("not_found", `There is no saved slot '${session}'`, { field: "filename" });
}

function invalid(field: string, what: string): ShimmyError {
  return new ShimmyError("invalid", `${field}: ${what}`, { field });
}
