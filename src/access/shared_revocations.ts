import type { SharedStore } from "../shared_store/mod.ts";
import type { FolderKeyring } from "./keyring.ts";
import { revokeKey } from "./key_list.ts";

/** Name of the text in the store. */
const NAME = "revoked";

/** Milliseconds between two looks into the store. */
const INTERVAL_MS = 1_000;

/** Time of the revocation by id, in seconds since the epoch. */
type Revocations = Readonly<Record<string, number>>;

/**
 * Makes the revocations of several servers those of each: what one folder has goes into the store, and what the
 * store has goes into the folder, so that a revocation also holds while the store cannot be reached.
 */
export class SharedRevocations implements AsyncDisposable {
  readonly #store: SharedStore;
  readonly #keyring: FolderKeyring;
  readonly #folder: string;
  readonly #timer: ReturnType<typeof setInterval>;
  #running: Promise<void> | null = null;

  /** @param failed Receives an error when the folder cannot be changed. */
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
    this.#timer = setInterval(() => {
      this.#running ??= this.synchronize().catch(failed).finally(() => void (this.#running = null));
    }, intervalMs);
  }

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
    for (const [id, time] of added) await revokeKey(this.#folder, id, time);
    if (added.length > 0) await this.#keyring.reload();
    if (Object.entries(own).some(isMissingIn(shared))) {
      // If another server was faster, the next look adds it.
      await this.#store.replace(NAME, text, JSON.stringify({ ...own, ...shared }));
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
      Object.entries(value).filter(([, time]) => typeof time === "number"),
    );
  } catch {
    return {};
  }
}
