import type { SharedStore } from "../shared_store/mod.ts";
import { isTime } from "./claims.ts";
import { revokeKeys } from "./key_list.ts";
import type { FolderKeyring } from "./keyring.ts";

/** Name of the text in the store. */
const NAME = "revoked";

/** Milliseconds between two looks into the store. */
const INTERVAL_MS = 1_000;

/** Time of the revocation by id, in seconds since the epoch. */
type Revocations = Readonly<Record<string, number>>;

/**
 * Makes the revocations of several servers those of each: what one folder has goes into the store, and what the
 * store has goes into the keyring and then into the folder, so that a revocation also holds after a restart
 * without the store.
 */
export class SharedRevocations implements AsyncDisposable {
  readonly #store: SharedStore;
  readonly #keyring: FolderKeyring;
  readonly #folder: string;
  readonly #failed: (error: unknown) => void;
  readonly #timer: ReturnType<typeof setInterval>;
  /** Revocations of the store that the folder lacks. */
  #unwritten: Revocations = {};
  #hasFailed = false;
  #running: Promise<void> | null = null;

  /** @param failed Receives an error when the folder cannot be changed, once until it can be changed again. */
  constructor(
    store: SharedStore,
    keyring: FolderKeyring,
    folder: string,
    { failed = () => {}, intervalMs = INTERVAL_MS }: {
      readonly failed?: (error: unknown) => void;
      readonly intervalMs?: number;
    } = {},
  ) {
    this.#store = store;
    this.#keyring = keyring;
    this.#folder = folder;
    this.#failed = failed;
    this.#timer = setInterval(() => {
      this.#running ??= this.synchronize().finally(() => void (this.#running = null));
    }, intervalMs);
  }

  /** Does not reject: a revocation holds in this process also if the folder cannot be changed. */
  async synchronize(): Promise<void> {
    const own = this.#keyring.revoked;
    // A server that requires no keys has no list, and gets none by this.
    if (own === null) return;
    const text = await this.#store.get(NAME);
    if (text === undefined) return;
    const shared = revocationsIn(text);
    const isMissingIn = (other: Revocations) => ([id]: [string, number]) =>
      !Object.hasOwn(other, id);
    const added = Object.entries(shared).filter(isMissingIn(own));
    if (added.length > 0) {
      const revoked = Object.fromEntries(added);
      this.#keyring.revoke(revoked);
      this.#unwritten = { ...this.#unwritten, ...revoked };
    }
    if (Object.entries(own).some(isMissingIn(shared))) {
      // If another server was faster, the next look adds it.
      await this.#store.replace(NAME, text, JSON.stringify({ ...own, ...shared }));
    }
    await this.#write();
  }

  async #write(): Promise<void> {
    if (Object.keys(this.#unwritten).length === 0) return;
    try {
      await revokeKeys(this.#folder, this.#unwritten);
      this.#unwritten = {};
      this.#hasFailed = false;
    } catch (error) {
      if (!this.#hasFailed) this.#failed(error);
      this.#hasFailed = true;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
  }
}

/** The revocations that a text tells; none for one of another program. */
function revocationsIn(text: string | null): Revocations {
  try {
    const value: unknown = JSON.parse(text ?? "{}");
    if (typeof value !== "object" || value === null || Array.isArray(value)) return {};
    return Object.fromEntries(
      Object.entries(value).filter(([, time]) => isTime(time)),
    );
  } catch {
    return {};
  }
}
