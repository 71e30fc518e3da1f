import type { MediaRun } from "./media_runs.ts";

/** An image as a part of a prompt: tokens around it, and its runs. */
export interface EncodedMedia {
  readonly pieces: readonly (readonly number[] | MediaRun)[];
  readonly bytes: number;
}

/** Images whose rows keep their numbers after their embeddings were dropped. A number has 150 bytes. */
const MAX_NUMBERED = 10_000;

/** Encoded images by the hash of their files. Drops the least recently used ones. */
export class MediaCache {
  readonly #encoded = new Map<string, EncodedMedia>();
  /** Number of the first row by hash. */
  readonly #numbers = new Map<string, number>();
  /** Below LLAMA_TOKEN_NULL. */
  #next = -2;
  #bytes = 0;

  /** @param limit maximum bytes of embeddings */
  constructor(readonly limit: number) {}

  get bytes(): number {
    return this.#bytes;
  }

  get(hash: string): EncodedMedia | undefined {
    const found = this.#encoded.get(hash);
    if (found !== undefined) renew(this.#encoded, hash, found);
    return found;
  }

  add(hash: string, media: EncodedMedia): void {
    this.#encoded.set(hash, media);
    this.#bytes += media.bytes;
    for (const [oldest, { bytes }] of this.#encoded) {
      if (this.#bytes <= this.limit) break;
      this.#encoded.delete(oldest);
      this.#bytes -= bytes;
    }
  }

  /** The number of the first row of an image. An image that was seen before has the same number again. */
  number(hash: string, rows: number): number {
    const known = this.#numbers.get(hash);
    const number = known ?? this.#next;
    if (known === undefined) this.#next -= rows;
    renew(this.#numbers, hash, number);
    const [oldest] = this.#numbers.keys();
    if (this.#numbers.size > MAX_NUMBERED) this.#numbers.delete(oldest!);
    return number;
  }
}

/** Makes an entry the most recently used one. */
function renew<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key);
  map.set(key, value);
}
