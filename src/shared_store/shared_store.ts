/**
 * Texts that several servers share. No method rejects: where the store cannot be reached, a server goes on
 * with what it has itself.
 */
export interface SharedStore {
  /** The text of a name; null if there is none; undefined if the store cannot be reached. */
  get(name: string): Promise<string | null | undefined>;
  /**
   * Sets a text for a time.
   * @returns false if the store cannot be reached.
   */
  set(name: string, text: string, seconds: number): Promise<boolean>;
  /**
   * Replaces a text, or makes one where `before` is null, unless another server has changed it.
   * @returns false if it has changed, or the store cannot be reached.
   */
  replace(name: string, before: string | null, after: string): Promise<boolean>;
  /** @returns false if the store cannot be reached. */
  delete(name: string): Promise<boolean>;
}

/** Tells that a store cannot be used, once until it can be used again. */
export interface StoreNotices {
  /** It cannot be reached. */
  readonly lost: (reason: string) => void;
  /** It refuses a command: a server that is full, or may only be read. */
  readonly refused: (command: string, reason: string) => void;
  readonly found: () => void;
}

/**
 * Opens a store on a server of Valkey or Redis. The client is loaded here and nowhere else.
 *
 * @param url `redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE]`, or `rediss://` for TLS.
 */
export async function openSharedStore(
  url: string,
  notices: StoreNotices,
): Promise<SharedStore & AsyncDisposable> {
  const { RedisStore } = await import("./redis_store.ts");
  return await RedisStore.open(url, notices);
}
