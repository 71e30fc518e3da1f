import type { PrefixCache, SavedState } from "../kv_cache/mod.ts";
import { type DiskCache, type DiskMatch, ReadCost, type ScopedState } from "../disk_cache/mod.ts";

/** The properties of a waiting sequence that reading its prefix needs. */
export interface RestorableSequence {
  readonly tokens: readonly number[];
  readonly scope: string;
  /** Set while the state is being read: the sequence is not admitted. */
  isRestoring: boolean;
  /** The state that was inserted for this sequence. */
  inserted: SavedState | null;
}

/** The parts of the disk cache that reading needs. */
export type PrefixFiles = Pick<
  DiskCache,
  "minTokens" | "isWriting" | "isCurrent" | "find" | "reach" | "read" | "refuse"
>;

export interface DiskPrefixesOptions {
  /** Maximum bytes of states that are read and not yet in a stream; one state may be larger. */
  readonly budget: number;
  /** Milliseconds to compute a token of a prompt; 0 if not known. */
  readonly msPerToken: () => number;
  /** Called when a sequence can be admitted. */
  readonly onReady: () => void;
}

/** Reads the prefixes of waiting sequences from disk, where that is faster than computing them. */
export class DiskPrefixes {
  readonly #disk: PrefixFiles;
  readonly #cache: PrefixCache;
  readonly #options: DiskPrefixesOptions;
  readonly #cost = new ReadCost();
  /** Files whose states are being read or inserted, by sequence. */
  readonly #held = new Map<RestorableSequence, DiskMatch>();
  readonly #waiting: { readonly sequence: RestorableSequence; readonly start: () => void }[] = [];
  #reading = 0;

  constructor(disk: PrefixFiles, cache: PrefixCache, options: DiskPrefixesOptions) {
    this.#disk = disk;
    this.#cache = cache;
    this.#options = options;
  }

  /** Whether files are being read or written: then the engine thread must yield to the event loop. */
  get isBusy(): boolean {
    return this.#reading > 0 || this.#disk.isWriting;
  }

  /** Tokens of a sequence that the disk has. */
  reach({ tokens, scope }: RestorableSequence): number {
    return this.#disk.reach({ tokens, scope, limit: tokens.length - 1, atLeast: 1 });
  }

  /** Begins to read the longest prefix of a new sequence, if the disk has more of it than memory. */
  begin(sequence: RestorableSequence): void {
    const { tokens, scope } = sequence;
    // At least one token is left to compute.
    const limit = tokens.length - 1;
    const known = this.#cache.cachedLength(tokens, scope);
    const atLeast = known + this.#disk.minTokens;
    if (limit < atLeast || this.#cache.isBeingComputed(tokens, scope)) return;
    const match = this.#disk.find({ tokens, scope, limit, atLeast });
    if (match === null) return;
    const { size } = match.file;
    const wait = this.#cost.patience(size, match.length - known, this.#options.msPerToken());
    if (wait === 0) return;
    sequence.isRestoring = true;
    const start = () => {
      this.#held.set(sequence, match);
      void this.#restore(sequence, match, wait);
    };
    if (this.#hasRoom(size)) start();
    else this.#waiting.push({ sequence, start });
  }

  #hasRoom(size: number): boolean {
    const held = this.#held.values().reduce((sum, { file }) => sum + file.size, 0);
    return held === 0 || held + size <= this.#options.budget;
  }

  /** Call when a sequence has its stream: libllama may have refused the state. */
  checkUse(sequence: RestorableSequence): void {
    const match = this.#held.get(sequence);
    if (match !== undefined && sequence.inserted?.isRefused) this.#disk.refuse(match);
  }

  /** Call when a sequence needs its inserted state no longer. */
  release(sequence: RestorableSequence): void {
    sequence.isRestoring = false;
    const at = this.#waiting.findIndex((one) => one.sequence === sequence);
    if (at >= 0) this.#waiting.splice(at, 1);
    if (this.#held.delete(sequence)) this.#startWaiting();
  }

  #startWaiting(): void {
    while (this.#waiting.length > 0 && this.#held.size === 0) this.#waiting.shift()!.start();
  }

  async #restore(sequence: RestorableSequence, match: DiskMatch, wait: number): Promise<void> {
    const stored = await this.#read(match, wait);
    // The sequence may have ended meanwhile.
    if (!sequence.isRestoring) return;
    sequence.isRestoring = false;
    // The context may have been replaced meanwhile.
    if (stored !== null && this.#disk.isCurrent(match)) {
      sequence.inserted = this.#cache.insertState(stored);
    }
    if (sequence.inserted === null) this.release(sequence);
    this.#options.onReady();
  }

  /** @returns null if there is no state, or if reading takes longer than `wait` milliseconds. */
  async #read(match: DiskMatch, wait: number): Promise<ScopedState | null> {
    const start = performance.now();
    this.#reading++;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<null>((resolve) => timer = setTimeout(() => resolve(null), wait));
    try {
      return await Promise.race([this.#disk.read(match), late]);
    } finally {
      clearTimeout(timer);
      this.#reading--;
      this.#cost.record(match.file.size, performance.now() - start);
    }
  }
}
