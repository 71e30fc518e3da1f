import { type KeyClaims, randomId } from "./claims.ts";
import { readKeyUse } from "./use/counters.ts";
import type { KeyKnowledge } from "./key_json.ts";
import { addKey, readKeyList, revokeKey } from "./key_list.ts";
import { ensureSigningKey } from "./signing_key.ts";
import { signToken } from "./token.ts";

/** What a new key may do. */
export type KeyRights = Omit<KeyClaims, "type" | "id" | "created">;

/** A key that was made. It is not stored, so this is the only time that it can be read. */
export interface IssuedKey {
  readonly key: string;
  readonly claims: KeyClaims;
}

/** Makes and revokes keys while a server runs. */
export interface KeyStore {
  /** The keys with their use; null if there is no list of keys. */
  list(): Promise<KeyKnowledge | null>;
  create(rights: KeyRights): Promise<IssuedKey>;
  /** Makes a key invalid; the key need not be in the list. */
  revoke(id: string): Promise<void>;
}

/**
 * Makes a key with the signing key of a folder, and adds its rights to the list. Makes the signing key and
 * the list if there are none.
 *
 * @param now Seconds since the epoch.
 */
export async function issueKey(folder: string, rights: KeyRights, now: number): Promise<IssuedKey> {
  const claims: KeyClaims = { type: "key", id: randomId(), created: Math.floor(now), ...rights };
  const { privateKey } = await ensureSigningKey(folder);
  const key = await signToken(claims, privateKey);
  await addKey(folder, claims);
  return { key, claims };
}

/** The list of a folder with the use of its keys; null if there is none. */
export async function readKeys(folder: string, now: number): Promise<KeyKnowledge | null> {
  const list = await readKeyList(folder);
  return list === null ? null : { list, use: await readKeyUse(folder), now };
}

/** The keys of a folder. One change is made after the other, because each writes the whole list. */
export class FolderKeyStore implements KeyStore {
  readonly #folder: string;
  readonly #changed: () => Promise<void>;
  readonly #now: () => number;
  #last: Promise<unknown> = Promise.resolve();

  /**
   * @param changed Called after each change, before its result is returned.
   * @param now Milliseconds since the epoch.
   */
  constructor(folder: string, changed: () => Promise<void>, now: () => number = Date.now) {
    this.#folder = folder;
    this.#changed = changed;
    this.#now = now;
  }

  list(): Promise<KeyKnowledge | null> {
    return readKeys(this.#folder, this.#now() / 1000);
  }

  create(rights: KeyRights): Promise<IssuedKey> {
    return this.#change(() => issueKey(this.#folder, rights, this.#now() / 1000));
  }

  revoke(id: string): Promise<void> {
    return this.#change(() => revokeKey(this.#folder, id, Math.floor(this.#now() / 1000)));
  }

  #change<T>(write: () => Promise<T>): Promise<T> {
    const change = this.#last.then(async () => {
      const result = await write();
      await this.#changed();
      return result;
    });
    this.#last = change.catch(() => {});
    return change;
  }
}
