import { ShimmyError } from "../../errors.ts";
import type { SlotChange, SlotChangeResult, SlotStatus } from "../protocol/mod.ts";
import type { SessionStore } from "../disk_cache/mod.ts";
import type { KvStream, PrefixCache } from "../kv_cache/mod.ts";

/** What slots need of a model and its current context. */
export interface SlotModel {
  /** Null without a session folder. */
  readonly sessions: SessionStore | null;
}

/** A running sequence. */
interface SlotSequence {
  readonly stream: KvStream | null;
  readonly promptLength: number;
  readonly cachedTokens: number;
  readonly completionTokens: number;
  readonly maxTokens: number;
}

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
   * Saves, restores or erases the tokens of an idle slot.
   * @throws {ShimmyError} `invalid`, `not_found` for an unknown session, `overloaded` for a slot that is
   * in use, `backend` with the reason.
   */
  change(change: SlotChange): SlotChangeResult {
    const start = performance.now();
    const stream = this.find(change.slot);
    if (stream.busy || !this.#cache.isSettled(stream)) {
      throw new ShimmyError("overloaded", `Slot ${stream.id} is in use`, {
        retryAfter: BUSY_RETRY,
      });
    }
    const bytes = this.#apply(stream, change);
    return { ...bytes, milliseconds: performance.now() - start };
  }

  #apply(stream: KvStream, change: SlotChange): { tokens: number; bytes: number } {
    const { length: tokens } = stream.tokens;
    switch (change.action) {
      case "erase":
        this.#cache.erase(stream);
        return { tokens, bytes: 0 };
      case "save":
        return { tokens, bytes: this.#save(stream, change.session) };
      case "restore":
        return this.#restore(stream, change.session);
    }
  }

  #save(stream: KvStream, session: string): number {
    const sessions = this.#sessions();
    const state = this.#cache.stateOf(stream);
    try {
      sessions.save(session, state, state.scope);
    } catch (cause) {
      throw new ShimmyError(
        "backend",
        `Cannot save slot ${stream.id}: its file cannot be written`,
        {
          cause,
        },
      );
    }
    return state.state.length;
  }

  #restore(stream: KvStream, session: string): { tokens: number; bytes: number } {
    const found = this.#sessions().find(session, this.#scope());
    if (found.status === "missing") {
      throw new ShimmyError("not_found", `There is no saved slot '${session}'`, {
        field: "filename",
      });
    }
    if (found.status === "incompatible") {
      throw invalid("filename", "was saved with another model, adapter, cache type or library");
    }
    if (found.status === "unreadable") {
      throw new ShimmyError("backend", `Cannot read the saved slot '${session}'`, {
        detail: found.reason,
      });
    }
    const { tokens, state } = found.session;
    if (!this.#cache.restore(stream, { ...found.session, scope: this.#scope() })) {
      throw new ShimmyError("backend", `Cannot restore slot ${stream.id} from '${session}'`);
    }
    return { tokens: tokens.length, bytes: state.length };
  }

  /** @throws {ShimmyError} `invalid` without a session folder. */
  #sessions() {
    const { sessions } = this.#modelOf();
    if (sessions !== null) return sessions;
    throw invalid("filename", "slots cannot be saved, because no session folder is set");
  }
}

function invalid(field: string, what: string): ShimmyError {
  return new ShimmyError("invalid", `${field}: ${what}`, { field });
}
