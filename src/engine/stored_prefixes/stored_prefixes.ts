import { ShimmyError } from "../../errors.ts";
import type { PrefixCache } from "../kv_cache/mod.ts";
import type { DiskCache, ScopedState, SessionStore } from "../disk_cache/mod.ts";
import type { SequenceRequest } from "../protocol/mod.ts";
import type { SharedStates } from "../shared_states/mod.ts";
import { DiskPrefixes, type RestorableSequence } from "./disk_prefixes.ts";
import { HeldStates } from "./held_states.ts";
import { type OpenedSession, SessionCache, type SessionSequence } from "./session_cache.ts";
import { SharedPrefixes } from "./shared_prefixes.ts";
import { SharedSessionReads } from "./shared_session_reads.ts";

/** Seconds after which a client may ask again for what the place that servers share could not do. */
const RETRY_SECONDS = 5;

export interface StoredPrefixesOptions {
  /** Null without a prefix cache on disk. */
  readonly disk: DiskCache | null;
  /** Null without prefixes that servers share. */
  readonly shared: SharedStates | null;
  /** Maximum bytes of states that are read and not yet in a stream. */
  readonly budget: number;
  /** Milliseconds to compute a token of a prompt; 0 if not known. */
  readonly msPerToken: () => number;
  /** Called when a sequence can be admitted after its prefix was read. */
  readonly onReady: () => void;
}

/** What a context can restore: the sessions that it can restore; null without a session folder. */
export interface SessionContext {
  readonly sessions: SessionStore | null;
}

/** The properties of a sequence that stored prefixes need. */
type StoredSequence =
  & Omit<SessionSequence, "session">
  & RestorableSequence
  & { session: OpenedSession; readonly scoresPrompt: boolean };

/** Prefixes in files, for the prefix cache: sessions by name, and the disk cache. */
export class StoredPrefixes {
  #sessions: SessionCache;
  readonly #disk: DiskCache | null;
  readonly #shared: SharedStates | null;
  readonly #reader: DiskPrefixes | null;
  readonly #sharedReader: SharedPrefixes | null;
  readonly #sharedSessions: SharedSessionReads<StoredSequence> | null;
  readonly #held: HeldStates;
  readonly #cache: PrefixCache;
  readonly #msPerToken: () => number;

  constructor(cache: PrefixCache, options: StoredPrefixesOptions, context: SessionContext) {
    const { disk, shared } = options;
    this.#cache = cache;
    this.#disk = disk;
    this.#shared = shared;
    this.#sessions = this.#sessionsOf(context);
    this.#held = new HeldStates(options.budget);
    const reader = disk === null ? null : new DiskPrefixes(disk, cache, options);
    this.#reader = reader;
    this.#sharedReader = shared && new SharedPrefixes(shared, cache, {
      ...options,
      held: this.#held,
      alsoKnown: (sequence) => reader?.reach(sequence) ?? 0,
      otherwise: (sequence) => reader?.begin(sequence),
    });
    this.#sharedSessions = shared && new SharedSessionReads(shared.sessions, cache, {
      held: this.#held,
      store: () => this.#sessions.store,
      openOwn: (name, scope) => this.#sessions.openOwn(name, scope),
      onOpened: (sequence) => this.#findPrefix(sequence),
      onReady: options.onReady,
    });
    this.#msPerToken = options.msPerToken;
  }

  /** Call when the context was replaced. */
  setContext(context: SessionContext): void {
    this.#sessions = this.#sessionsOf(context);
  }

  #sessionsOf({ sessions }: SessionContext): SessionCache {
    return new SessionCache(sessions, this.#cache, this.#shared?.sessions ?? null);
  }

  /** Whether files are being read or written: then the engine thread must yield to the event loop. */
  get isBusy(): boolean {
    return (this.#reader?.isBusy ?? false) || (this.#shared?.isBusy ?? false);
  }

  /** Opens the session of a request; see {@linkcode SessionCache.open}. */
  open(request: SequenceRequest, scope: string): OpenedSession {
    return this.#sessions.open(request, scope);
  }

  /** Frees the memory of a session that no sequence will use. */
  close({ inserted }: OpenedSession): void {
    if (inserted !== null) this.#cache.removeInserted(inserted);
  }

  /** Begins to read the session or the prefix of a new sequence from disk, or from what servers share. */
  submitted(sequence: StoredSequence): void {
    const { session, request } = sequence;
    if (session.isPending) this.#sharedSessions!.begin(sequence, request.session!);
    else this.#findPrefix(sequence);
  }

  #findPrefix(sequence: StoredSequence): void {
    const { request, scoresPrompt, session } = sequence;
    // Cached tokens have no logits, which prompt log probabilities need.
    if (request.cachePrompt === false || scoresPrompt || session.tokens !== null) return;
    (this.#sharedReader ?? this.#reader)?.begin(sequence);
  }

  /** Call when a sequence has its first stream. */
  admitted(sequence: StoredSequence): void {
    this.#sessions.begin(sequence);
    this.#reader?.checkUse(sequence);
    this.#sharedReader?.checkUse(sequence);
    this.#sharedSessions?.checkUse(sequence);
    this.#release(sequence);
  }

  /** Call before the stream of a finished sequence is released. */
  finished(sequence: StoredSequence): void {
    this.#sessions.save(sequence);
    this.#publish(sequence);
  }

  /** Lets other servers continue a conversation. The copy of the state holds up the other sequences. */
  #publish({ request, stream, isShifted }: SessionSequence): void {
    const shared = this.#shared;
    if (shared === null || stream === null || isShifted || request.cachePrompt === false) return;
    if (!this.#cache.isSettled(stream) || !shared.wants(stream.tokens, stream.scope)) return;
    shared.publish(this.#cache.stateOf(stream));
  }

  /** Call when a sequence has left the loop. */
  removed(sequence: StoredSequence): void {
    this.#release(sequence);
  }

  /** Frees the memory of the state that was read for a sequence. */
  #release(sequence: RestorableSequence): void {
    this.#reader?.release(sequence);
    this.#held.release(sequence);
    if (sequence.inserted !== null) this.#cache.removeInserted(sequence.inserted);
    sequence.inserted = null;
  }

  /**
   * Deletes the sessions of a name, first those that servers share.
   * @returns whether there were any.
   * @throws {ShimmyError} see `Engine.deleteSession`.
   */
  async deleteSession(name: string): Promise<boolean> {
    const { store } = this.#sessions;
    const shared = await this.#shared?.sessions.delete(name);
    if (shared === null) {
      const message = `Cannot delete session '${name}': the shared cache cannot be used`;
      throw new ShimmyError("overloaded", message, { retryAfter: RETRY_SECONDS });
    }
    try {
      return store.delete(name) + (shared ?? 0) > 0;
    } catch (cause) {
      const message = `Cannot delete session '${name}': the server cannot delete its file`;
      throw new ShimmyError("backend", message, { cause });
    }
  }

  /** Writes a state that host memory does not hold. */
  spill(state: ScopedState): void {
    this.#disk?.spill(state, this.#computeMs(state));
  }

  /**
   * Writes all states that are worth keeping on disk, and waits for those that are written for other servers.
   * @param deadline time of `performance.now()` after which no more are written
   * @param native runs native work
   */
  async saveAll(deadline: number, native: <T>(work: () => T) => T): Promise<void> {
    await Promise.all([this.#saveToDisk(deadline, native), this.#shared?.flush(deadline)]);
  }

  async #saveToDisk(deadline: number, native: <T>(work: () => T) => T): Promise<void> {
    const disk = this.#disk;
    if (disk === null) return;
    await disk.flush();
    const states = this.#cache.states((tokens, scope) => disk.wants(tokens, scope));
    while (performance.now() < deadline) {
      const { value, done } = native(() => states.next());
      if (done) return;
      await disk.write(value, this.#computeMs(value), deadline);
    }
  }

  /** Time to compute the tokens of a state in milliseconds; a guess before any prompt was computed. */
  #computeMs({ tokens }: ScopedState): number {
    return tokens.length * (this.#msPerToken() || 1);
  }
}
