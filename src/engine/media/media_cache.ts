import type { MediaRun } from "./media_runs.ts";

/** A media file as a part of a prompt: tokens around it, and its runs. */
export interface EncodedMedia {
  readonly pieces: readonly (readonly number[] | MediaRun)[];
  /** Bytes of its embeddings. */
  readonly bytes: number;
}

/** Bounds of a cache. */
export interface MediaCacheLimits {
  /** Maximum bytes of media files that no sequence uses. */
  readonly idleBytes: number;
  /** Maximum number of media files that no sequence uses. */
  readonly idleCount: number;
}

/** Encoded media by the hash of their files. Drops the least recently used ones that no sequence uses. */
export class MediaCache {
  /** The least recently used ones first. */
  readonly #idle = new Map<string, EncodedMedia>();
  readonly #held = new Map<string, { readonly media: EncodedMedia; users: number }>();
  #idleBytes = 0;
  #heldBytes = 0;

  constructor(readonly limits: MediaCacheLimits) {}

  /** Bytes of the media files that sequences use. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Bytes of all media files. */
  get bytes(): number {
    return this.#heldBytes + this.#idleBytes;
  }

  has(hash: string): boolean {
    return this.#held.has(hash) || this.#idle.has(hash);
  }

  /** Whether a sequence uses a media file. */
  isHeld(hash: string): boolean {
    return this.#held.has(hash);
  }

  /** Takes a media file for a sequence, until it is released. */
  take(hash: string): EncodedMedia | undefined {
    const held = this.#held.get(hash);
    if (held !== undefined) {
      held.users++;
      return held.media;
    }
    const media = this.#idle.get(hash);
    if (media === undefined) return undefined;
    this.#idle.delete(hash);
    this.#idleBytes -= media.bytes;
    this.#hold(hash, media);
    return media;
  }

  /** Adds a media file that is not in the cache, for a sequence that takes it. */
  add(hash: string, media: EncodedMedia): void {
    this.#hold(hash, media);
  }

  #hold(hash: string, media: EncodedMedia): void {
    this.#held.set(hash, { media, users: 1 });
    this.#heldBytes += media.bytes;
  }

  /** Call it once for each time that a media file was taken or added. */
  release(hash: string): void {
    const held = this.#held.get(hash);
    if (held === undefined || --held.users > 0) return;
    const { media } = held;
    this.#held.delete(hash);
    this.#heldBytes -= media.bytes;
    this.#idle.set(hash, media);
    this.#idleBytes += media.bytes;
    const { idleBytes, idleCount } = this.limits;
    for (const [oldest, { bytes }] of this.#idle) {
      if (this.#idleBytes <= idleBytes && this.#idle.size <= idleCount) break;
      this.#idle.delete(oldest);
      this.#idleBytes -= bytes;
    }
  }
}
