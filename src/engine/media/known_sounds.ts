import type { MeasuredMedia } from "./measured_prompt.ts";

/** Sounds whose rows are known. A sound of 30 minutes has 60 pieces. */
const MAX_KNOWN = 1000;

/** What is known of a sound without decoding it. */
export type KnownSound = Pick<MeasuredMedia, "pieces" | "seconds">;

/** The rows of sounds by the hash of their files: counting them takes as long as decoding. */
export class KnownSounds {
  /** The least recently used ones first. */
  readonly #known = new Map<string, KnownSound>();

  get(hash: string): KnownSound | undefined {
    const known = this.#known.get(hash);
    if (known !== undefined) this.add(hash, known);
    return known;
  }

  add(hash: string, sound: KnownSound): void {
    this.#known.delete(hash);
    this.#known.set(hash, sound);
    const [oldest] = this.#known.keys();
    if (this.#known.size > MAX_KNOWN) this.#known.delete(oldest!);
  }
}
