import type { KvStream } from "../kv_cache/mod.ts";
import { ROW_GROUP } from "../native/mod.ts";

/**
 * Maximum padding rows: the number of decoding sequences, but at least this many. More rows cost
 * more than they save.
 */
const MIN_PADDING_LIMIT = 3;
/**
 * Maximum tokens by which a padding stream may exceed the longest decoding sequence: its row
 * attends to all its tokens.
 */
const MAX_EXTRA_TOKENS = 256;
/** Batches to time with and without padding before padding is chosen. */
const TRIALS = 24;
/** Maximum time of a padded batch relative to a plain one. */
const MAX_TIME_RATIO = 0.97;
/** Batches of both kinds after which slower padding is given up: each trial of it costs its time. */
const MIN_TRIALS = 3;
/** Time of a padded batch relative to a plain one from which padding is slower. */
const SLOWER_RATIO = 1.02;
/** Maximum batch shapes to remember. */
const MAX_SHAPES = 256;

/**
 * Times of batches of one shape in milliseconds. Plain and padded batches alternate, because batches
 * get slower as their sequences grow. The medians are compared: the effect is a few percent, less
 * than the spread of single batches and of their minimum.
 */
class Trial {
  readonly #plain: number[] = [];
  readonly #padded: number[] = [];
  #isFaster: boolean | null = null;

  /** Whether to pad the next batch. */
  get isPadded(): boolean {
    return this.#isFaster ?? this.#padded.length < this.#plain.length;
  }

  record(isPadded: boolean, ms: number): void {
    if (this.#isFaster !== null) return;
    (isPadded ? this.#padded : this.#plain).push(ms);
    const trials = this.#padded.length;
    if (!isPadded || trials < MIN_TRIALS) return;
    const ratio = median(this.#padded) / median(this.#plain);
    if (ratio >= SLOWER_RATIO) this.#isFaster = false;
    else if (trials === TRIALS) this.#isFaster = ratio < MAX_TIME_RATIO;
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

/**
 * Pads decode batches with rows of idle streams if that makes them faster. Three rows can take
 * longer than four (see {@linkcode ROW_GROUP}), and a gap in the stream ids makes libllama compute
 * the streams behind it separately. The effect depends on the processor and the weights, so both
 * variants are timed.
 */
export class PaddingRows {
  readonly #capacity: number;
  readonly #trials = new Map<string, Trial>();
  #lastBatch: { readonly trial: Trial; readonly isPadded: boolean } | null = null;

  /** @param capacity maximum tokens of a stream. */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /**
   * Chooses the streams that get a padding row at the position after their tokens. Remove these
   * rows after the batch.
   *
   * @param ids stream ids of the decoding sequences, in ascending order
   * @param idle streams without a running sequence
   * @param longest tokens of the longest decoding sequence
   */
  choose(ids: readonly number[], idle: readonly KvStream[], longest: number): readonly KvStream[] {
    this.#lastBatch = null;
    const most = Math.min(longest + MAX_EXTRA_TOKENS, this.#capacity - 1);
    const paddingStreams = propose(ids, idle.filter(({ tokens }) => tokens.length <= most));
    if (paddingStreams.length === 0) return [];
    const shape = `${runLengths(ids)}+${paddingStreams.length}`;
    const trial = this.#trials.get(shape) ?? new Trial();
    if (this.#trials.size < MAX_SHAPES) this.#trials.set(shape, trial);
    this.#lastBatch = { trial, isPadded: trial.isPadded };
    return trial.isPadded ? paddingStreams : [];
  }

  /** Records the time of the last batch in milliseconds. */
  record(ms: number): void {
    this.#lastBatch?.trial.record(this.#lastBatch.isPadded, ms);
    this.#lastBatch = null;
  }
}

/** Streams in the gaps, plus neighbours that complete a row group that is at least half full. */
function propose(ids: readonly number[], idle: readonly KvStream[]): readonly KvStream[] {
  const free = new Map(idle.map((stream) => [stream.id, stream]));
  const first = ids[0]!;
  const last = ids.at(-1)!;
  const missing = last - first + 1 - ids.length;
  const paddingStreams = idle.filter(({ id }) => id > first && id < last);
  const most = Math.max(MIN_PADDING_LIMIT, ids.length);
  if (paddingStreams.length < missing || missing > most) return [];
  const rows = ids.length + missing;
  const lacking = (ROW_GROUP - rows % ROW_GROUP) % ROW_GROUP;
  if (lacking * 2 > ROW_GROUP || missing + lacking > most) return paddingStreams;
  const beside: KvStream[] = [];
  for (let [before, behind] = [first - 1, last + 1]; beside.length < lacking;) {
    const stream = free.get(behind) ?? free.get(before);
    if (stream === undefined) return paddingStreams;
    beside.push(stream);
    if (stream.id === behind) behind++;
    else before--;
  }
  return [...paddingStreams, ...beside];
}

/** Lengths of the runs of consecutive ids. */
function runLengths(ids: readonly number[]): readonly number[] {
  const runs: number[] = [];
  ids.forEach((id, index) => {
    if (index > 0 && id === ids[index - 1]! + 1) runs[runs.length - 1]!++;
    else runs.push(1);
  });
  return runs;
}
