import { ShimmyError } from "../../../errors.ts";

/** Maximum bytes of all bodies, in multiples of `--max-body`. Above it, requests get status 503. */
const LARGEST_BODIES = 8;

/** Bytes that each server holds, by its settings: requests with keys have contexts of their own. */
const heldBytes = new WeakMap<object, number>();

/**
 * The bytes of one large body that a server reads, until it is parsed. Without a bound on all of them, many
 * connections with a large body each would fill the memory.
 */
export class HeldBody implements Disposable {
  readonly #server: object;
  readonly #limit: number;
  #bytes = 0;
  #isReleased = false;

  /**
   * @param server the settings of the server whose bodies are counted together
   * @param maxBodyBytes maximum size of one body; eight times as much may be held
   */
  constructor(server: object, maxBodyBytes: number) {
    this.#server = server;
    this.#limit = LARGEST_BODIES * maxBodyBytes;
  }

  /**
   * Counts bytes that have come.
   * @throws {ShimmyError} `overloaded` when all bodies together are too large; `cancelled` after the release.
   */
  add(bytes: number): void {
    if (this.#isReleased) throw new ShimmyError("cancelled", "The body is not read any more");
    const all = (heldBytes.get(this.#server) ?? 0) + bytes;
    if (all > this.#limit) {
      const message = `The bodies of all requests have more than ${this.#limit} bytes, the limit ` +
        "of this server (eight times --max-body); try again later";
      throw new ShimmyError("overloaded", message);
    }
    heldBytes.set(this.#server, all);
    this.#bytes += bytes;
  }

  [Symbol.dispose](): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    heldBytes.set(this.#server, (heldBytes.get(this.#server) ?? 0) - this.#bytes);
  }
}
