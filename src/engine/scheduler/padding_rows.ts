import type { KvStream } from "../kv_cache/mod.ts";
import { ROW_GROUP } from "../native/mod.ts";

/** A row that nobody needs costs something, too: more than these, and than there are answers, never pay. */
const FEW_FILLERS = 3;
/** Tokens by which a stream may be longer than every answer: its row attends to all that it holds. */
const MOST_LONGER = 256;
/** Batches of each kind that are timed before it is decided. */
const TRIALS = 6;
/** Filled batches must take at most this share of the time. */
const WORTH_IT = 0.97;
/** Shapes of batches about which something is remembered. */
const MOST_SHAPES = 256;

/** How long batches of one shape take, in milliseconds, at best: what disturbs a machine only adds to it. */
class Trial {
  #plain = { count: 0, best: Infinity };
  #filled = { count: 0, best: Infinity };

  /** Whether the next batch is to be filled. */
  get isFilled(): boolean {
    if (this.#plain.count < TRIALS) return false;
    return this.#filled.count < TRIALS || this.#filled.best < this.#plain.best * WORTH_IT;
  }

  learn(isFilled: boolean, ms: number): void {
    const side = isFilled ? this.#filled : this.#plain;
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
export class Filling {
  readonly #capacity: number;
  readonly #trials = new Map<string, Trial>();
  #last: { readonly trial: Trial; readonly isFilled: boolean } | null = null;

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
    this.#last = null;
    const most = Math.min(longest + MOST_LONGER, this.#capacity - 1);
    const fillers = propose(ids, idle.filter(({ tokens }) => tokens.length <= most));
    if (fillers.length === 0) return [];
    const shape = `${runsOf(ids)}+${fillers.length}`;
    const trial = this.#trials.get(shape) ?? new Trial();
    if (this.#trials.size < MOST_SHAPES) this.#trials.set(shape, trial);
    this.#last = { trial, isFilled: trial.isFilled };
    return trial.isFilled ? fillers : [];
  }

  /** Learns how long the batch took that was chosen for last, in milliseconds. */
  learn(ms: number): void {
    this.#last?.trial.learn(this.#last.isFilled, ms);
    this.#last = null;
  }
}

/** The streams in the gaps, and beside them as many as complete a group of rows that is half full. */
function propose(ids: readonly number[], idle: readonly KvStream[]): readonly KvStream[] {
  const free = new Map(idle.map((stream) => [stream.id, stream]));
  const first = ids[0]!;
  const last = ids.at(-1)!;
  const missing = last - first + 1 - ids.length;
  const fillers = idle.filter(({ id }) => id > first && id < last);
  const most = Math.max(FEW_FILLERS, ids.length);
  if (fillers.length < missing || missing > most) return [];
  const rows = ids.length + missing;
  const lacking = (ROW_GROUP - rows % ROW_GROUP) % ROW_GROUP;
  if (lacking * 2 > ROW_GROUP || missing + lacking > most) return fillers;
  const beside: KvStream[] = [];
  for (let [before, behind] = [first - 1, last + 1]; beside.length < lacking;) {
    const stream = free.get(behind) ?? free.get(before);
    if (stream === undefined) return fillers;
    beside.push(stream);
    if (stream.id === behind) behind++;
    else before--;
  }
  return [...fillers, ...beside];
}

/** How many ids follow each other, run by run. */
function runsOf(ids: readonly number[]): readonly number[] {
  const runs: number[] = [];
  ids.forEach((id, index) => {
    if (index > 0 && id === ids[index - 1]! + 1) runs[runs.length - 1]!++;
    else runs.push(1);
  });
  return runs;
}
