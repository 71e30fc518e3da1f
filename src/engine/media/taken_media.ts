import type { MeasuredPrompt } from "./measured_prompt.ts";
import type { EncodedMedia, MediaCache } from "./media_cache.ts";
import type { PlacedRun } from "./media_runs.ts";

/** The media files that one sequence takes from the cache. */
export class TakenMedia {
  readonly #cache: MediaCache;
  readonly #hashes: string[] = [];
  readonly #media = new Map<string, EncodedMedia>();

  constructor(cache: MediaCache) {
    this.#cache = cache;
  }

  /** @returns false if the media file is not in the cache. */
  take(hash: string): boolean {
    const media = this.#cache.take(hash);
    if (media === undefined) return false;
    this.#hashes.push(hash);
    this.#media.set(hash, media);
    return true;
  }

  add(hash: string, media: EncodedMedia): void {
    this.#cache.add(hash, media);
    this.#hashes.push(hash);
    this.#media.set(hash, media);
  }

  release(): void {
    for (const hash of this.#hashes.splice(0)) this.#cache.release(hash);
    this.#media.clear();
  }

  /** The runs of a prompt at their places. All its media files are taken. */
  runs({ parts }: MeasuredPrompt): PlacedRun[] {
    const runs: PlacedRun[] = [];
    let start = 0;
    for (const part of parts) {
      if (!("media" in part)) {
        start += part.length;
        continue;
      }
      for (const piece of this.#media.get(part.hash)!.pieces) {
        if ("rows" in piece) runs.push({ ...piece, start });
        start += "rows" in piece ? piece.rows : piece.length;
      }
    }
    return runs;
  }
}
