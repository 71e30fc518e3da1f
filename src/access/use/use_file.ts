import { join } from "node:path";
import { addedUses, isKeyUses, type KeyUses } from "./key_use.ts";
import { readIfExists, writePrivateFile } from "../private_file.ts";

/** File of the counters in the key folder. */
const FILE = "usage.json";

/** Where the use of keys is kept between the runs of a server. */
export interface UseStorage {
  /** The use until now; null if there is none. */
  read(): Promise<KeyUses | null>;
  /**
   * Adds to the use.
   * @param last The use as it was last seen.
   * @param now Seconds since the epoch.
   * @returns the use after that.
   */
  add(more: KeyUses, last: KeyUses, now: number): Promise<KeyUses>;
}

/** The use of keys in a file of the key folder. */
export class UseFile implements UseStorage {
  readonly #path: string;
  readonly #failed: (error: unknown) => void;

  /** @param failed Receives an error when the file cannot be read. */
  constructor(folder: string, failed: (error: unknown) => void) {
    this.#path = join(folder, FILE);
    this.#failed = failed;
  }

  /** @returns null if there is no file, or if it is damaged, which is reported. */
  async read(): Promise<KeyUses | null> {
    try {
      const text = await readIfExists(this.#path);
      const value: unknown = text === null ? null : JSON.parse(text);
      if (value !== null && !isKeyUses(value)) throw new TypeError("its file is damaged");
      return value;
    } catch (error) {
      this.#failed(error);
      return null;
    }
  }

  async add(more: KeyUses, last: KeyUses, now: number): Promise<KeyUses> {
    // A file that has disappeared or was damaged is written anew.
    const after = addedUses(await this.read() ?? last, more, now);
    await writePrivateFile(this.#path, JSON.stringify(after));
    return after;
  }
}
