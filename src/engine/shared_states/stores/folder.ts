import { dirname, join } from "node:path";
import { checkRegularFile } from "../../../regular_file.ts";
import { type Listing, MOST_LISTED, type ObjectStore, type StoredObject } from "./object_store.ts";

/** Readable for the group, less what the umask forbids: replicas may run as different users of one group. */
const FILE = { write: true, createNew: true, mode: 0o660 };
const FOLDER = { recursive: true, mode: 0o770 };

/** Bytes that are written at once. */
const PIECE = 8 * 2 ** 20;

/** The end of the name of a file that is being written. */
const UNFINISHED = ".tmp";

/** A folder that replicas share, such as one on a network file system. Nothing in it is read before its end. */
export class SharedFolder implements ObjectStore {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async list(prefix: string, signal: AbortSignal): Promise<Listing> {
    const objects: StoredObject[] = [];
    // A folder that is not there has no files; without the shared folder itself, nothing can be shared.
    await Deno.stat(this.#folder);
    if (!prefix.endsWith("/")) {
      const size = await sizeOf(this.#path(prefix));
      return { objects: size === null ? [] : [{ key: prefix, size }], isTruncated: false };
    }
    const folders = [prefix];
    for (let folder; (folder = folders.shift()) !== undefined;) {
      for await (const { name, isDirectory } of entries(this.#path(folder))) {
        signal.throwIfAborted();
        const key = `${folder}${name}`;
        if (isDirectory) folders.push(`${key}/`);
        else if (!name.endsWith(UNFINISHED)) {
          const size = await sizeOf(this.#path(key));
          if (size !== null) objects.push({ key, size });
        }
        if (objects.length + folders.length > MOST_LISTED) return { objects, isTruncated: true };
      }
    }
    return { objects, isTruncated: false };
  }

  async get(
    key: string,
    limit: number,
    signal: AbortSignal,
  ): Promise<Uint8Array<ArrayBuffer> | null> {
    const path = this.#path(key);
    try {
      await checkRegularFile(path);
      if ((await sizeOf(path) ?? Infinity) > limit) return null;
      const bytes = await Deno.readFile(path, { signal });
      const now = new Date();
      // Whoever cleans the folder up can then remove what was not used for the longest time.
      await Deno.utime(path, now, now).catch(() => {});
      return bytes;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return null;
      throw error;
    }
  }

  async put(key: string, bytes: Uint8Array<ArrayBuffer>, signal: AbortSignal): Promise<void> {
    const path = this.#path(key);
    const temporary = `${path}.${crypto.randomUUID()}${UNFINISHED}`;
    await Deno.stat(this.#folder);
    await Deno.mkdir(dirname(path), FOLDER);
    try {
      {
        // `Deno.writeFile` would set the mode without regard to the umask.
        using file = await Deno.open(temporary, FILE);
        for (let at = 0; at < bytes.length;) {
          signal.throwIfAborted();
          at += await file.write(bytes.subarray(at, at + PIECE));
        }
      }
      await Deno.rename(temporary, path);
    } catch (error) {
      await Deno.remove(temporary).catch(() => {});
      throw error;
    }
  }

  async delete(key: string): Promise<void> {
    try {
      await Deno.remove(this.#path(key));
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }

  #path(key: string): string {
    return join(this.#folder, key);
  }
}

/** The entries of a folder; none if it does not exist. */
async function* entries(folder: string): AsyncGenerator<Deno.DirEntry> {
  try {
    yield* Deno.readDir(folder);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Bytes of a file; null if it does not exist. */
async function sizeOf(path: string): Promise<number | null> {
  try {
    return (await Deno.stat(path)).size;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
