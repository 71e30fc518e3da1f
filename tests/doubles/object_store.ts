import {
  type Listing,
  MOST_LISTED,
  type ObjectStore,
} from "../../src/engine/shared_states/stores/object_store.ts";

/** A store in memory. */
export class StoreDouble implements ObjectStore {
  readonly objects = new Map<string, Uint8Array<ArrayBuffer>>();
  readonly calls: string[] = [];
  isDown = false;

  list(prefix: string): Promise<Listing> {
    this.#called("list");
    const all = [...this.objects].map(([key, { length }]) => ({ key, size: length }))
      .filter(({ key }) => key.startsWith(prefix));
    const isTruncated = all.length > MOST_LISTED;
    return Promise.resolve({ objects: all.slice(0, MOST_LISTED), isTruncated });
  }
  get(key: string): Promise<Uint8Array<ArrayBuffer> | null> {
    this.#called("get");
    return Promise.resolve(this.objects.get(key)?.slice() ?? null);
  }
  put(key: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    this.#called("put");
    this.objects.set(key, bytes);
    return Promise.resolve();
  }
  delete(key: string): Promise<void> {
    this.#called("delete");
    this.objects.delete(key);
    return Promise.resolve();
  }

  #called(name: string): void {
    this.calls.push(name);
    if (this.isDown) throw new Error("down");
  }

  take(): string[] {
    return this.calls.splice(0);
  }
}
