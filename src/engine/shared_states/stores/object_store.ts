/** An object of a store. */
export interface StoredObject {
  readonly key: string;
  readonly size: number;
}

/** Some objects of a store. */
export interface Listing {
  readonly objects: readonly StoredObject[];
  /** Whether there are more than `MOST_LISTED`. */
  readonly isTruncated: boolean;
}

/** Objects that a listing has, at most. */
export const MOST_LISTED = 1000;

/** Objects that replicas share, by key. Objects appear complete and never change. */
export interface ObjectStore {
  /** Objects whose key begins with a prefix. A prefix ends with `/`, or is a whole key. */
  list(prefix: string, signal: AbortSignal): Promise<Listing>;
  /**
   * The bytes of an object.
   * @returns null if there is none, or if it has more than `limit` bytes.
   */
  get(key: string, limit: number, signal: AbortSignal): Promise<Uint8Array<ArrayBuffer> | null>;
  put(key: string, bytes: Uint8Array<ArrayBuffer>, signal: AbortSignal): Promise<void>;
  /** Deletes an object. An object that does not exist is no error. */
  delete(key: string, signal: AbortSignal): Promise<void>;
}

/** A store refuses a request, or answers with something else. The message can follow "because". */
export class StoreError extends Error {}
