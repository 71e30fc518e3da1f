import type { PrefixCache } from "../kv_cache/mod.ts";
import type { SessionStore } from "../disk_cache/mod.ts";
import type { NewerSession, SharedSessions } from "../shared_states/mod.ts";
import type { Notice } from "../protocol/mod.ts";
import type { RestorableSequence } from "./disk_prefixes.ts";
import { foundWithin, type Held, type HeldStates } from "./held_states.ts";
import { notShared, type OpenedSession } from "./session_cache.ts";

/** Default of `waitMs`. */
const WAIT_MS = 10_000;

/** The parts of the shared sessions that reading needs. */
export type SessionReader = Pick<
  SharedSessions,
  "identity" | "unreadable" | "findNewer" | "refuse"
>;

/** A sequence with the name of a session. */
export interface NamedSequence extends RestorableSequence {
  session: OpenedSession;
  /** Its key is what the tokens of the session are computed with besides the model. */
  readonly adapters: { readonly key: string };
  readonly notices: Notice[];
}

export interface SharedSessionReadsOptions<Sequence> {
  /** The states that are read and not yet in a stream. */
  readonly held: HeldStates;
  /** The sessions of this server, for the current context. */
  readonly store: () => SessionStore;
  /** Opens the session of this server. */
  readonly openOwn: (name: string, scope: string) => OpenedSession;
  /** Called when the session of a sequence is opened: its own, that of another server, or none. */
  readonly onOpened: (sequence: Sequence) => void;
  /** Called when a sequence that has waited can be admitted. */
  readonly onReady: () => void;
  /** Milliseconds that a request waits for its session, at most. */
  readonly waitMs?: number;
}

/** Reads the sessions of waiting sequences that another server has saved since. */
export class SharedSessionReads<Sequence extends NamedSequence> {
  readonly #shared: SessionReader;
  readonly #cache: PrefixCache;
  readonly #options: SharedSessionReadsOptions<Sequence>;
  /** Sequences with a session of another server. */
  readonly #taken = new WeakSet<RestorableSequence>();

  constructor(
    shared: SessionReader,
    cache: PrefixCache,
    options: SharedSessionReadsOptions<Sequence>,
  ) {
    this.#shared = shared;
    this.#cache = cache;
    this.#options = options;
  }

  /** Begins to look for the session of a new sequence. */
  begin(sequence: Sequence, name: string): void {
    const { held, store, waitMs = WAIT_MS } = this.#options;
    const mostBytes = held.room;
    const { unreadable } = this.#shared;
    if (unreadable !== null || mostBytes === 0) {
      const reason = unreadable ?? "too many states are being read";
      return this.#open(sequence, name, 0, reason);
    }
    const own = held.begin(sequence, this.#shared.identity);
    const query = { name, scope: sequence.adapters.key, mostBytes };
    const finding = foundWithin(
      waitMs,
      own.ends,
      (signal) => this.#shared.findNewer(query, store(), signal),
    );
    void this.#take(sequence, name, own, finding);
  }

  async #take(
    sequence: Sequence,
    name: string,
    held: Held,
    finding: Promise<NewerSession | null>,
  ): Promise<void> {
    const found = await finding;
    // The sequence may have ended meanwhile.
    if (!sequence.isRestoring) return;
    sequence.isRestoring = false;
    // The context may have been replaced meanwhile.
    if (held.identity !== this.#shared.identity) {
      this.#options.held.release(sequence);
      this.begin(sequence, name);
    } else this.#use(sequence, name, held, found);
    if (!sequence.isRestoring) this.#options.onReady();
  }

  /** @param found null: there was no answer in time. */
  #use(sequence: Sequence, name: string, held: Held, found: NewerSession | null): void {
    if (found === null || found.state === null) {
      this.#options.held.release(sequence);
      const reason = found === null ? "the shared cache does not answer in time" : found.reason;
      return this.#open(sequence, name, found?.newest ?? 0, reason, found?.isDeleted);
    }
    held.bytes = found.state.state.length;
    this.#taken.add(sequence);
    const { tokens } = found.state;
    const inserted = this.#cache.insertState(found.state);
    if (inserted === null) this.#options.held.release(sequence);
    const notices = notSharedBy(found.reason);
    this.#opened(sequence, { tokens, inserted, notices, version: found.newest });
  }

  /**
   * Uses what this server has.
   * @param reason why the shared session is not used; null if there is none.
   */
  #open(
    sequence: Sequence,
    name: string,
    newest: number,
    reason: string | null,
    isDeleted = false,
  ): void {
    const own = isDeleted ? null : this.#options.openOwn(name, sequence.adapters.key);
    this.#opened(sequence, {
      tokens: own?.tokens ?? null,
      inserted: own?.inserted ?? null,
      notices: [...notSharedBy(reason), ...own?.notices ?? []],
      version: Math.max(newest, own?.version ?? 0),
    });
  }

  #opened(sequence: Sequence, session: OpenedSession): void {
    sequence.session = session;
    sequence.inserted = session.inserted;
    sequence.notices.push(...session.notices);
    this.#options.onOpened(sequence);
  }

  /** Call when a sequence has its stream: libllama may have refused the state. */
  checkUse(sequence: RestorableSequence): void {
    if (this.#taken.has(sequence) && sequence.inserted?.isRefused) this.#shared.refuse();
  }
}

/** The notice that the newest session of other servers is not used. */
function notSharedBy(reason: string | null): Notice[] {
  const what = "what another server has saved is not used";
  return reason === null ? [] : [notShared(what, reason)];
}
