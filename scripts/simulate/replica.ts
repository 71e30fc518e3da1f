import type { Batch } from "../../ffi/mod.ts";
import { PrefixCache } from "../../src/engine/kv_cache/mod.ts";
import { SAVED_STATE_BYTES } from "../../src/engine/model/mod.ts";
import { BatchPolicy } from "../../src/engine/scheduler/batch_policy.ts";
import { PrefillBudget } from "../../src/engine/scheduler/order/priority.ts";
import { PaddingRows } from "../../src/engine/scheduler/padding_rows.ts";
import { Scheduler } from "../../src/engine/scheduler/scheduler.ts";
import type { Sequence } from "../../src/engine/scheduler/sequence.ts";
import { type BatchMeans, buildBatch } from "../../src/engine/scheduler/step_batch.ts";
import { SimulatedMemory } from "./memory.ts";
import { microBatches, SimulatedBatch } from "./micro_batches.ts";
import type { SimulatedSequence } from "./sequence.ts";
import { type BatchTimes, microBatchMs } from "./timings.ts";

/** A batch that is being computed. */
interface RunningBatch {
  readonly members: readonly SimulatedSequence[];
  readonly isPrefill: boolean;
  readonly tokens: number;
  /** When it began. */
  readonly begun: number;
  /** The part of its time after states were saved and restored, which the engine's rules see. 0 to 1. */
  readonly share: number;
}

/**
 * One server: the scheduler, the batch rules and the prefix cache of the engine, with the measured time of a
 * batch in place of its computation. Each sequence has a KV stream of its own, without drafts.
 */
export class Replica {
  readonly #times: BatchTimes;
  readonly #memory: SimulatedMemory;
  readonly #cache: PrefixCache;
  readonly #scheduler: Scheduler;
  readonly #policy = new BatchPolicy();
  readonly #budget = new PrefillBudget();
  readonly #padding: PaddingRows;
  readonly #batch: SimulatedBatch;
  readonly #means: BatchMeans;
  readonly #sequences = new Map<Sequence, SimulatedSequence>();
  #running: RunningBatch | null = null;
  #nextToken = -1;

  constructor(times: BatchTimes) {
    this.#times = times;
    this.#batch = new SimulatedBatch(times.batch);
    this.#memory = new SimulatedMemory(times, (id) => this.#cache.streams[id]!.tokens.length);
    this.#cache = new PrefixCache(this.#memory, {
      streams: times.parallel,
      canTruncate: true,
      window: 0,
      savedBytes: SAVED_STATE_BYTES,
      sharedCells: null,
      mayShiftPositions: false,
    });
    this.#scheduler = new Scheduler(this.#cache, times.context, () => {});
    this.#padding = new PaddingRows(times.context);
    this.#means = this.#meansOf(times);
  }

  /** What the engine builds batches with, as far as it uses it for text without drafts. */
  #meansOf({ batch, promptRows, rowGroup }: BatchTimes): BatchMeans {
    const model = {
      ...{ maxOutputs: batch, kvUnified: false },
      promptRows: { group: rowGroup, most: promptRows },
    } as unknown as BatchMeans["model"];
    const parts = {
      batch: this.#batch as unknown as Batch,
      policy: this.#policy,
      speculation: { draft: () => {} },
      padding: this.#padding,
    } as unknown as BatchMeans["parts"];
    return { model, parts, prefillBudget: this.#budget, cache: this.#cache };
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
        `The request at timestamp ${sequence.source.timestamp} has ${length} tokens with its answer; ` +
          `a sequence has ${this.#times.context}`,
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
    const selection = this.#policy.next(this.#scheduler.running, now, this.#budget.msPerToken);
    if (selection === null) return null;
    const { isPrefill } = selection;
    const { members } = buildBatch(selection, this.#means, now);
    const { stateMs, copyMs } = this.#memory.takeTimes();
    const ms = microBatches(this.#batch.rows, this.#times.microBatch)
      .reduce((sum, one) => sum + microBatchMs(this.#times, one), copyMs);
    const whole = ms + stateMs;
    this.#running = {
      ...{ isPrefill, tokens: this.#batch.length, begun: now, share: whole === 0 ? 1 : ms / whole },
      members: members.map((one) => this.#sequences.get(one)!),
    };
    return whole;
  }

  /** Ends the batch that {@linkcode Replica.begin} began. @returns the sequences whose answer is complete. */
  end(now: number): SimulatedSequence[] {
    const { members, isPrefill, tokens, begun, share } = this.#running!;
    this.#running = null;
    const ms = (now - begun) * share;
    if (isPrefill) this.#budget.record(tokens, ms);
    else {
      this.#budget.recordDecode(ms);
      this.#padding.record(ms);
    }
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
