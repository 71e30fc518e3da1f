import { hashText, ReadCost, type StateOrigin, type StoredState } from "../disk_cache/mod.ts";
import type { FindRequest, FindResult, PublishRequest, PublishResult } from "./messages.ts";
import type { ObjectStore, StoredObject } from "./stores/object_store.ts";
import { openState, sealState } from "./sealed_state.ts";
import { KeyMatcher, MIN_TOKENS, stateKey } from "./state_key.ts";
import { REQUEST_MS, transferMs, within } from "./time_limit.ts";

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
    const stored = openState(object, { fingerprint, scope }, this.#secret);
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
  async #write(key: string, stored: StoredState, origin: StateOrigin): Promise<number> {
    const object = sealState(stored, origin, this.#secret);
    await within(transferMs(object.length), (ends) => this.#store.put(key, object, ends));
    return object.length;
  }
}
