import type { Batch } from "../../ffi/mod.ts";
import { PrefixCache } from "../../src/engine/kv_cache/mod.ts";
import { SAVED_STATE_BYTES } from "../../src/engine/model/mod.ts";
import { addPrefillChunks } from "../../src/engine/scheduler/batch_builder.ts";
import { BatchPolicy, type BatchSelection } from "../../src/engine/scheduler/batch_policy.ts";
import { PrefillBudget } from "../../src/engine/scheduler/order/priority.ts";
import { Scheduler } from "../../src/engine/scheduler/scheduler.ts";
import type { Sequence } from "../../src/engine/scheduler/sequence.ts";
import { SimulatedMemory } from "./memory.ts";
import type { SimulatedSequence } from "./sequence.ts";
import { type BatchTimes, decodeMs, prefillMs } from "./timings.ts";

/** A batch that counts its rows. */
class CountingBatch {
  length = 0;

  constructor(readonly capacity: number) {}

  get room(): number {
    return this.capacity - this.length;
  }

  clear(): void {
    this.length = 0;
  }

  add(): number {
    return this.length++;
  }
}

/** A batch that is being computed. */
interface RunningBatch {
  readonly members: readonly SimulatedSequence[];
  readonly isPrefill: boolean;
  readonly tokens: number;
  /** When it began. */
  readonly begun: number;
}

/**
 * One server: the scheduler, the batch rules and the prefix cache of the engine, with the measured time of a
 * batch in place of its computation. Each sequence has a KV stream of its own, without drafts.
 */
export class Replica {
  readonly #times: BatchTimes;
  readonly #cache: PrefixCache;
  readonly #scheduler: Scheduler;
  readonly #policy = new BatchPolicy();
  readonly #budget = new PrefillBudget();
  readonly #batch: CountingBatch;
  readonly #sequences = new Map<Sequence, SimulatedSequence>();
  #running: RunningBatch | null = null;
  #nextToken = -1;

  constructor(times: BatchTimes) {
    this.#times = times;
    this.#batch = new CountingBatch(times.batch);
    const memory = new SimulatedMemory(
      times.parallel,
      (id) => this.#cache.streams[id]!.tokens.length,
      times.kvBytes,
    );
    this.#cache = new PrefixCache(memory, {
      streams: times.parallel,
      canTruncate: true,
      window: 0,
      savedBytes: SAVED_STATE_BYTES,
      sharedCells: null,
      mayShiftPositions: false,
    });
    this.#scheduler = new Scheduler(this.#cache, times.context, () => {});
  }

  /** Requests that wait or run. */
  get load(): number {
    return this.#sequences.size;
  }

  get isComputing(): boolean {
    return this.#running !== null;
  }

  /** @throws {RangeError} for a request that is longer than a sequence can be. */
  submit(sequence: SimulatedSequence): void {
    const length = sequence.tokens.length + sequence.maxTokens;
    if (length > this.#times.context) {
      throw new RangeError(
        `A request has ${length} tokens with its answer; a sequence has ${this.#times.context}`,
      );
    }
    this.#sequences.set(sequence.asSequence, sequence);
    this.#scheduler.add(sequence.asSequence);
  }

  /**
   * Begins the next batch, as the loop of the engine does.
   * @returns milliseconds that it takes alone on its machine; null if there is nothing to compute.
   */
  begin(now: number): number | null {
    this.#scheduler.admit(now);
    const { msPerToken } = this.#budget;
    const selection = this.#policy.next(this.#scheduler.running, now, msPerToken);
    if (selection === null) return null;
    return selection.isPrefill ? this.#beginPrefill(selection, now) : this.#beginDecode(
      selection.sequences,
      now,
    );
  }

  #beginPrefill({ sequences, decoding, isBurst = false }: BatchSelection<Sequence>, now: number) {
    const { batch, rowGroup } = this.#times;
    const budget = this.#budget.size(isBurst ? 0 : decoding, sequences.length, batch);
    const way = { riders: [], isUnified: false, rowGroup, isEven: isBurst };
    const held = new Map(sequences.map((one) => [one, one.stream!.tokens.length]));
    const chosen = addPrefillChunks(
      this.#batch as unknown as Batch,
      sequences,
      budget,
      now,
      batch,
      way,
    );
    this.#policy.continueWith(chosen.tails);
    this.#start(chosen.sequences, true, now);
    // The attention of a token is over those before it.
    const context = chosen.sequences.reduce((sum, one) => {
      const before = held.get(one)!;
      return sum + before * (one.stream!.tokens.length - before);
    }, 0) / this.#batch.length;
    return prefillMs(this.#times, this.#batch.length, context);
  }

  #beginDecode(sequences: readonly Sequence[], now: number): number {
    this.#batch.clear();
    for (const { outputs, stream, tokens } of sequences) {
      outputs.length = 0;
      outputs.push(this.#batch.add());
      stream!.tokens.push(tokens.at(-1)!);
    }
    this.#start(sequences, false, now);
    const tokens = sequences.reduce((sum, { stream }) => sum + stream!.tokens.length, 0);
    return decodeMs(this.#times, sequences.length, tokens / sequences.length);
  }

  #start(members: readonly Sequence[], isPrefill: boolean, begun: number): void {
    this.#running = {
      ...{ isPrefill, begun, tokens: this.#batch.length },
      members: members.map((one) => this.#sequences.get(one)!),
    };
  }

  /** Ends the batch that {@linkcode Replica.begin} began. @returns the sequences whose answer is complete. */
  end(now: number): SimulatedSequence[] {
    const { members, isPrefill, tokens, begun } = this.#running!;
    this.#running = null;
    if (isPrefill) this.#budget.record(tokens, now - begun);
    else this.#budget.recordDecode(now - begun);
    this.#cache.completeCopies();
    const complete = members.filter((sequence) =>
      sequence.outputs.length > 0 && sequence.sample(this.#nextToken--, now)
    );
    for (const sequence of complete) {
      this.#scheduler.remove(sequence.asSequence, false);
      this.#sequences.delete(sequence.asSequence);
    }
    return complete;
  }
}
