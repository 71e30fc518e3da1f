import type { KvStream } from "../kv_cache/mod.ts";
import { ROW_GROUP } from "../native/mod.ts";

/** A row that nobody needs costs something, too: more than these, and than there are answers, never pay. */
const MIN_PADDING_LIMIT = 3;
/** Tokens by which a stream may be longer than every answer: its row attends to all that it holds. */
const MAX_EXTRA_TOKENS = 256;
/** Batches of each kind that are timed before it is decided. */
const TRIALS = 6;
/** Filled batches must take at most this share of the time. */
const MAX_TIME_RATIO = 0.97;
/** Shapes of batches about which something is remembered. */
const MAX_SHAPES = 256;

/** How long batches of one shape take, in milliseconds, at best: what disturbs a machine only adds to it. */
class Trial {
  #plain = { count: 0, best: Infinity };
  #padded = { count: 0, best: Infinity };

  /** Whether the next batch is to be filled. */
  get isPadded(): boolean {
    if (this.#plain.count < TRIALS) return false;
    return this.#padded.count < TRIALS || this.#padded.best < this.#plain.best * MAX_TIME_RATIO;
  }

  record(isPadded: boolean, ms: number): void {
    const side = isPadded ? this.#padded : this.#plain;
    if (side.count >= TRIALS) return;
    side.count++;
    side.best = Math.min(side.best, ms);
  }
}

/**
 * Fills batches of answers with rows of streams that nobody uses, where that makes them faster: three
 * rows can take longer than four (see {@linkcode ROW_GROUP}), and a gap in the ids of the streams makes
 * libllama compute those behind it by themselves. Whether it does depends on the processor and on the
 * weights, so both ways are timed.
 */
export class PaddingRows {
  readonly #capacity: number;
  readonly #trials = new Map<string, Trial>();
  #lastBatch: { readonly trial: Trial; readonly isPadded: boolean } | null = null;

  /** @param capacity tokens that a stream holds. */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /**
   * The streams from which to add a row at the position behind their tokens, to be removed after the batch.
   *
   * @param ids those of the streams that answer, in ascending order
   * @param idle streams that nobody uses
   * @param longest tokens of the longest answer
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

  /** Learns how long the batch took that was chosen for last, in milliseconds. */
  record(ms: number): void {
    this.#lastBatch?.trial.record(this.#lastBatch.isPadded, ms);
    this.#lastBatch = null;
  }
}

/** The streams in the gaps, and beside them as many as complete a group of rows that is half full. */
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

/** How many ids follow each other, run by run. */
function runLengths(ids: readonly number[]): readonly number[] {
  const runs: number[] = [];
  ids.forEach((id, index) => {
    if (index > 0 && id === ids[index - 1]! + 1) runs[runs.length - 1]!++;
    else runs.push(1);
  });
  return runs;
}
