import {
  DamagedStateFile,
  decodeState,
  hashText,
  ReadCost,
  sizeOfState,
  statePieces,
  type StoredState,
} from "../disk_cache/mod.ts";
import type { FindRequest, FindResult, PublishRequest, PublishResult } from "./messages.ts";
import type { ObjectStore, StoredObject } from "./object_store.ts";
import { SEAL, seal, unseal } from "./seal.ts";
import { KeyMatcher, MIN_TOKENS, stateKey } from "./state_key.ts";

/** Milliseconds that a listing or a deletion may take. */
const REQUEST_MS = 5_000;
/** Milliseconds that a state may take, and those that each mebibyte of it adds. */
const TRANSFER_MS = 30_000;
const MS_PER_MIB = 1_000;
/** Keys of damaged states that are remembered, so that they are not read again. */
const MOST_DAMAGED = 1_000;

export interface StateKeeperOptions {
  readonly store: ObjectStore;
  readonly secret: string;
  /** Identifies the content of the model's files. */
  readonly model: Promise<string>;
}

/** A state that may serve a prompt. */
interface Candidate extends StoredObject {
  /** Tokens of the prompt that it provides, at least. */
  readonly length: number;
}

/** Finds, reads and writes the states that servers share. */
export class StateKeeper {
  readonly #store: ObjectStore;
  readonly #secret: string;
  readonly #model: Promise<string>;
  readonly #cost = new ReadCost();
  readonly #damaged = new Set<string>();

  constructor({ store, secret, model }: StateKeeperOptions) {
    this.#store = store;
    this.#secret = secret;
    this.#model = model;
  }

  /**
   * Reads the state that saves a prompt the most tokens, unless computing them is faster.
   *
   * @param signal ends the read, when nothing waits for it any more
   * @throws the errors of the store.
   */
  async find(request: FindRequest, signal: AbortSignal): Promise<FindResult> {
    const fingerprint = await this.#fingerprint(request.identity);
    const start = performance.now();
    const best = await this.#best(request, `${hashText(fingerprint)}/`);
    const lookupMs = performance.now() - start;
    const nothing: FindResult = { found: null, bytes: 0, lookupMs, isDamaged: false };
    if (best === null || signal.aborted) return nothing;
    const { key, size, length } = best;
    const { known, msPerToken, scope } = request;
    if (this.#cost.patience(size, length - known, msPerToken) === 0) return nothing;
    const object = await this.#read(best, signal);
    if (object === null) return nothing;
    const stored = this.#opened(object, { fingerprint, scope });
    if (stored !== null) return { ...nothing, found: { key, stored }, bytes: size };
    this.#damaged.add(key);
    if (this.#damaged.size > MOST_DAMAGED) this.#damaged.clear();
    return { ...nothing, bytes: size, isDamaged: true };
  }

  async #fingerprint(identity: string): Promise<string> {
    return JSON.stringify([await this.#model, identity]);
  }

  /** The smallest one of the states with the longest beginning of a prompt. */
  async #best(request: FindRequest, root: string): Promise<Candidate | null> {
    const matcher = new KeyMatcher(request);
    const atLeast = request.known + MIN_TOKENS;
    let best: Candidate | null = null;
    for (const { key, size } of await this.#list(root, matcher.folders)) {
      if (size > request.mostBytes || this.#damaged.has(key)) continue;
      const length = matcher.usable(key.slice(root.length));
      if (length < Math.max(atLeast, best?.length ?? 0)) continue;
      if (best !== null && length === best.length && size >= best.size) continue;
      best = { key, size, length };
    }
    return best;
  }

  /** The states below folders, each of which is inside of the one before. */
  async #list(root: string, folders: readonly string[]): Promise<StoredObject[]> {
    const list = (folder: string) =>
      within(REQUEST_MS, (ends) => this.#store.list(root + folder, ends));
    const [first, ...others] = folders;
    if (first === undefined) return [];
    const { objects, isTruncated } = await list(first);
    if (!isTruncated) return [...objects];
    // The states with a longer beginning may not be among the first ones.
    const more = await Promise.all(others.map(list));
    return [...objects, ...more.flatMap((listing) => listing.objects)];
  }

  /** @returns null if the state has disappeared, or if nothing waits for it any more. */
  async #read({ key, size }: StoredObject, signal: AbortSignal) {
    const start = performance.now();
    try {
      const read = (ends: AbortSignal) => this.#store.get(key, size, ends);
      const object = await within(transferMs(size), read, signal);
      if (object !== null) this.#cost.record(size, performance.now() - start);
      return object;
    } catch (error) {
      if (!signal.aborted) throw error;
      // It took longer than it may. The estimate must know.
      this.#cost.record(size, 2 * (performance.now() - start));
      return null;
    }
  }

  /** @returns null if the state is damaged, or has another secret or another origin. */
  #opened(
    object: Uint8Array<ArrayBuffer>,
    origin: { readonly fingerprint: string; readonly scope: string },
  ): StoredState | null {
    try {
      const bytes = unseal(object, this.#secret);
      return bytes && decodeState(bytes, origin);
    } catch (error) {
      if (error instanceof DamagedStateFile) return null;
      throw error;
    }
  }

  /**
   * Writes a state, unless it is there already, and deletes those that it replaces.
   * @throws the errors of the store.
   */
  async publish(request: PublishRequest): Promise<PublishResult> {
    const { identity, scope, stored, replaced } = request;
    const fingerprint = await this.#fingerprint(identity);
    const positions = stored.checkpoints.map(({ position }) => position);
    const key = `${hashText(fingerprint)}/${stateKey(stored.tokens, scope, positions)}`;
    const there = await within(REQUEST_MS, (ends) => this.#store.list(key, ends));
    const isThere = there.objects.some((object) => object.key === key);
    const bytes = isThere ? 0 : await this.#write(key, stored, { fingerprint, scope });
    for (const one of replaced) {
      // A server without the right to delete leaves that to whoever cleans the store up.
      await within(REQUEST_MS, (ends) => this.#store.delete(one, ends)).catch(() => {});
    }
    return { key, bytes };
  }

  /** @returns the number of bytes. */
  async #write(
    key: string,
    stored: StoredState,
    origin: { readonly fingerprint: string; readonly scope: string },
  ): Promise<number> {
    const object = this.#sealed(stored, origin);
    await within(transferMs(object.length), (ends) => this.#store.put(key, object, ends));
    return object.length;
  }

  #sealed(
    stored: StoredState,
    origin: { readonly fingerprint: string; readonly scope: string },
  ): Uint8Array<ArrayBuffer> {
    const object = new Uint8Array(sizeOfState(stored, origin) + SEAL);
    let at = 0;
    for (const piece of statePieces(stored, origin)) {
      object.set(piece, at);
      at += piece.length;
    }
    seal(object, this.#secret);
    return object;
  }
}

/**
 * Ends work after a time, or when a signal says so. Work on a network file system that hangs does not end, but
 * nothing waits for it any more.
 *
 * @throws {DOMException} `TimeoutError` after the time; the reason of the signal.
 */
async function within<T>(
  ms: number,
  work: (ends: AbortSignal) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const timeout = AbortSignal.timeout(ms);
  const ends = signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
  const { promise, reject } = Promise.withResolvers<never>();
  const end = () => reject(ends.reason);
  ends.addEventListener("abort", end, { once: true });
  try {
    ends.throwIfAborted();
    return await Promise.race([work(ends), promise]);
  } finally {
    ends.removeEventListener("abort", end);
  }
}

/** Milliseconds that a transfer may take. */
function transferMs(bytes: number): number {
  return TRANSFER_MS + bytes / 2 ** 20 * MS_PER_MIB;
}
