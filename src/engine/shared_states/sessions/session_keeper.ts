import type {
  DeleteResult,
  FindSessionRequest,
  FindSessionResult,
  PublishResult,
  SaveSessionRequest,
} from "../messages.ts";
import { SEAL, seal, unseal } from "../seal.ts";
import { openState, sealState } from "../sealed_state.ts";
import type { StateKeeperOptions } from "../state_keeper.ts";
import type { ObjectStore } from "../stores/object_store.ts";
import { REQUEST_MS, transferMs, within } from "../time_limit.ts";
import {
  deletedKey,
  parseSessionKey,
  savedKey,
  sessionFolder,
  type SessionKey,
  sessionOrigin,
} from "./session_key.ts";

/** States of one session that are read, at most: another server may replace each of them meanwhile. */
const MOST_READ = 3;

/** Bytes of the mark of a deletion, at most. */
const MOST_MARK_BYTES = 512;

/** An object of a session. */
interface SessionObject extends SessionKey {
  readonly size: number;
}

/** Finds, saves and deletes the sessions that servers share. */
export class SessionKeeper {
  readonly #store: ObjectStore;
  readonly #secret: string;
  readonly #model: Promise<string>;

  constructor({ store, secret, model }: StateKeeperOptions) {
    this.#store = store;
    this.#secret = secret;
    this.#model = model;
  }

  /**
   * Reads a session, if it is newer than the one that the server has.
   *
   * @param signal ends the read, when nothing waits for it any more
   * @throws the errors of the store.
   */
  async find(request: FindSessionRequest, signal: AbortSignal): Promise<FindSessionResult> {
    const folder = sessionFolder(request.name, this.#secret);
    const origin = await this.#origin(folder, request);
    const objects = await this.#list(folder);
    const deletedAt = await this.#deletedAt(objects, request.own);
    const newest = Math.max(0, ...objects.map(({ version }) => version));
    const newer = objects.filter(({ version, origin }) =>
      origin !== null && version > Math.max(request.own, deletedAt)
    );
    const usable = newer.filter((one) => one.origin === origin.hash);
    let bytes = 0;
    const isIncompatible = request.own === 0 && usable.length === 0 && newer.length > 0;
    let unusable: FindSessionResult["unusable"] = isIncompatible ? "incompatible" : null;
    for (const { key, size, version } of usable.slice(0, MOST_READ)) {
      if (signal.aborted) break;
      if (size > request.mostBytes) {
        unusable = "large";
        continue;
      }
      const read = (ends: AbortSignal) => this.#store.get(key, size, ends);
      const object = await within(transferMs(size), read, signal);
      // Another server has replaced it.
      if (object === null) continue;
      bytes += size;
      const stored = openState(object, origin, this.#secret);
      // A copy under another key would be an old state that counts as a new one.
      if (stored?.savedAt === version) return { stored, bytes, newest, deletedAt, unusable };
      unusable = "damaged";
    }
    return { stored: null, bytes, newest, deletedAt, unusable };
  }

  /**
   * Saves a session, and deletes what it replaces.
   * @throws the errors of the store.
   */
  async save(request: SaveSessionRequest): Promise<PublishResult> {
    const { name, stored } = request;
    const folder = sessionFolder(name, this.#secret);
    const origin = await this.#origin(folder, request);
    const version = stored.savedAt!;
    const key = savedKey(folder, version, origin.hash);
    const object = sealState(stored, origin, this.#secret);
    await within(transferMs(object.length), (ends) => this.#store.put(key, object, ends));
    // A server without the right to delete leaves that to whoever cleans the store up.
    await this.#deleteAll(folder, (one) => one.origin === origin.hash && one.version < version)
      .catch(() => {});
    return { key, bytes: object.length };
  }

  /**
   * Deletes a session of any model. A mark remains, so that no server uses what it has of the session.
   * @throws the errors of the store.
   */
  async delete(name: string): Promise<DeleteResult> {
    const folder = sessionFolder(name, this.#secret);
    const objects = await this.#list(folder);
    // A clock may be ahead of this one.
    const version = Math.max(Date.now(), ...objects.map(({ version }) => version + 1));
    const key = deletedKey(folder, version);
    const mark = new Uint8Array(SEAL + key.length);
    new TextEncoder().encodeInto(key, mark);
    seal(mark, this.#secret);
    await within(REQUEST_MS, (ends) => this.#store.put(key, mark, ends));
    const deleted = await this.#deleteAll(folder, (one) => one.version < version);
    return { deleted };
  }

  async #origin(folder: string, { identity, scope }: { identity: string; scope: string }) {
    const fingerprint = JSON.stringify([await this.#model, identity]);
    return sessionOrigin(folder, { fingerprint, scope });
  }

  /** The objects of a session, the newest first. */
  async #list(folder: string): Promise<SessionObject[]> {
    const { objects } = await within(REQUEST_MS, (ends) => this.#store.list(folder, ends));
    return objects.flatMap(({ key, size }) => {
      const parsed = parseSessionKey(folder, key);
      return parsed === null ? [] : [{ ...parsed, size }];
    }).sort((a, b) => b.version - a.version);
  }

  /** The version of the last deletion that concerns a server; 0 for none. */
  async #deletedAt(objects: readonly SessionObject[], own: number): Promise<number> {
    for (const { key, size, version, origin } of objects) {
      if (origin !== null || size > MOST_MARK_BYTES) continue;
      const isOlder = (one: SessionObject) => one.origin !== null && one.version < version;
      if (!(own > 0 && own < version) && !objects.some(isOlder)) return 0;
      const object = await within(REQUEST_MS, (ends) => this.#store.get(key, size, ends));
      const text = object && unseal(object, this.#secret);
      // Whoever can write to the store, but has no secret, must not delete what servers have.
      if (text && new TextDecoder().decode(text) === key) return version;
    }
    return 0;
  }

  /** @returns the number of sessions among them. */
  async #deleteAll(folder: string, isMeant: (one: SessionObject) => boolean): Promise<number> {
    const meant = (await this.#list(folder)).filter(isMeant);
    for (const { key } of meant) {
      await within(REQUEST_MS, (ends) => this.#store.delete(key, ends));
    }
    return meant.filter(({ origin }) => origin !== null).length;
  }
}
