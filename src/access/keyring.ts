import { messageOf } from "../errors.ts";
import type { SharedStore } from "../shared_store/mod.ts";
import type { KeyClaims } from "./claims.ts";
import { KeyCounters, type QuotaState } from "./use/counters.ts";
import { type KeyList, readKeyList } from "./key_list.ts";
import { readSigningKey, type SigningKey } from "./signing_key.ts";
import { isSignedBy, parseToken } from "./token.ts";

/** A quota of a key that is used up. */
export interface Excess {
  readonly of: "requests" | "tokens";
  readonly state: QuotaState;
}

/** What is left of the quotas of a key. */
export interface KeyQuotas {
  readonly requests?: QuotaState;
  readonly tokens?: QuotaState;
}

/** The signed keys that a server accepts. */
export interface Keyring {
  /** Whether requests need a key. */
  readonly isRequired: boolean;
  /** The claims of a key with a valid signature, whatever its state; null for any other text. */
  verify(token: string): Promise<KeyClaims | null>;
  /** Why a key is no longer valid, or null. */
  invalidity(claims: KeyClaims): "expired" | "revoked" | null;
  /**
   * Calls back when a key is revoked.
   *
   * @returns a function that ends this.
   */
  onRevoked(claims: KeyClaims, revoked: () => void): () => void;
  /** Counts a request, unless a quota is used up: then returns that quota. */
  admit(claims: KeyClaims): Excess | null;
  /** Counts tokens of an answered request. */
  spend(claims: KeyClaims, tokens: number): void;
  quotas(claims: KeyClaims): KeyQuotas;
}

/** Verified tokens that are kept, so that a request does not pay for the signature again. */
const MAX_VERIFIED = 1000;

/** A keyring on a folder that `shimmy keys` manages. */
export class FolderKeyring implements Keyring, AsyncDisposable {
  readonly #folder: string;
  readonly #counters: KeyCounters;
  readonly #now: () => number;
  readonly #warn: (message: string) => void;
  readonly #verified = new Map<string, KeyClaims>();
  readonly #revocations = new Map<string, Set<() => void>>();
  #signingKey: SigningKey | null = null;
  #list: KeyList | null = null;
  /** Revocations of other servers, which the list of the folder may lack. */
  #foreign: KeyList["revoked"] = {};

  private constructor(folder: string, options: KeyringOptions) {
    const { now = Date.now, warn = () => {}, shared } = options;
    this.#folder = folder;
    this.#now = now;
    this.#warn = warn;
    const failed = (error: unknown) =>
      warn(`Cannot keep the counters of keys: ${messageOf(error)}`);
    this.#counters = new KeyCounters(folder, { now, failed, shared });
  }

  /**
   * Opens the keyring of a folder, which need not exist.
   *
   * @throws {ShimmyError} `backend` for a damaged file.
   */
  static async open(folder: string, options: KeyringOptions = {}): Promise<FolderKeyring> {
    const keyring = new FolderKeyring(folder, options);
    await keyring.#read();
    await keyring.#counters.read();
    return keyring;
  }

  get isRequired(): boolean {
    return this.#list !== null;
  }

  /** Times of the revocations by id, in seconds since the epoch; null without a list of keys. */
  get revoked(): KeyList["revoked"] | null {
    return this.#list?.revoked ?? null;
  }

  /**
   * Revokes keys in memory, whatever the files of the folder have. A server without a list of keys gets none.
   *
   * @param revoked Times of the revocations by id, in seconds since the epoch.
   */
  revoke(revoked: KeyList["revoked"]): void {
    this.#foreign = { ...revoked, ...this.#foreign };
    if (this.#list !== null) this.#use(this.#list);
  }

  /** Reads the files again. What cannot be read does not change: a lost list opens no server. */
  async reload(): Promise<void> {
    const wasRequired = this.isRequired;
    try {
      await this.#read();
    } catch (error) {
      this.#warn(messageOf(error));
    }
    if (this.isRequired && !wasRequired) {
      this.#warn("A list of keys was made: requests require a key from now on");
    }
  }

  async #read(): Promise<void> {
    const [signingKey, list] = [
      await readSigningKey(this.#folder),
      await readKeyList(this.#folder),
    ];
    if (signingKey?.id !== this.#signingKey?.id) this.#verified.clear();
    this.#signingKey = signingKey;
    if (list !== null) {
      this.#use(list);
    } else if (this.#list !== null) {
      this.#warn("The list of keys has disappeared; keys stay required");
    }
  }

  #use({ keys, revoked }: KeyList): void {
    this.#list = { keys, revoked: { ...this.#foreign, ...revoked } };
    this.#tellRevoked(this.#list);
  }

  #tellRevoked({ revoked }: KeyList): void {
    for (const [id, callbacks] of [...this.#revocations]) {
      if (!Object.hasOwn(revoked, id)) continue;
      this.#revocations.delete(id);
      for (const callback of callbacks) callback();
    }
  }

  onRevoked({ id }: KeyClaims, revoked: () => void): () => void {
    const callbacks = this.#revocations.get(id) ?? new Set();
    this.#revocations.set(id, callbacks.add(revoked));
    return () => {
      callbacks.delete(revoked);
      if (callbacks.size === 0 && this.#revocations.get(id) === callbacks) {
        this.#revocations.delete(id);
      }
    };
  }

  async verify(token: string): Promise<KeyClaims | null> {
    const known = this.#verified.get(token);
    if (known !== undefined) return known;
    const parsed = this.#signingKey === null || this.#list === null ? null : parseToken(token);
    if (parsed === null || parsed.claims.type !== "key") return null;
    if (!await isSignedBy(parsed, this.#signingKey!.publicKey)) return null;
    if (this.#verified.size >= MAX_VERIFIED) this.#verified.clear();
    this.#verified.set(token, parsed.claims);
    return parsed.claims;
  }

  invalidity({ id, expires }: KeyClaims): "expired" | "revoked" | null {
    if (this.#list !== null && Object.hasOwn(this.#list.revoked, id)) return "revoked";
    return expires !== undefined && this.#now() / 1000 >= expires ? "expired" : null;
  }

  admit(claims: KeyClaims): Excess | null {
    const { requests, tokens } = this.quotas(claims);
    if (requests?.remaining === 0) return { of: "requests", state: requests };
    if (tokens?.remaining === 0) return { of: "tokens", state: tokens };
    this.#counters.add(claims.id, { requests: 1, tokens: 0, quotas: claims });
    return null;
  }

  spend(claims: KeyClaims, tokens: number): void {
    if (tokens > 0) this.#counters.add(claims.id, { requests: 0, tokens, quotas: claims });
  }

  quotas({ id, rate, tokens }: KeyClaims): KeyQuotas {
    return {
      ...(rate === undefined ? {} : { requests: this.#counters.state(id, "rate", rate) }),
      ...(tokens === undefined ? {} : { tokens: this.#counters.state(id, "quota", tokens) }),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#counters[Symbol.asyncDispose]();
  }
}

export interface KeyringOptions {
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
  readonly warn?: (message: string) => void;
  /** The store of servers that count together. */
  readonly shared?: SharedStore | undefined;
}
