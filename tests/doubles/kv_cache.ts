import type { KvMemory, PrefixCacheOptions } from "../../src/engine/kv_cache/cached_prefix.ts";
import { PrefixCache } from "../../src/engine/kv_cache/prefix_cache.ts";

/** Bytes of a saved state. */
export const STATE_BYTES = 100;
/** Bytes of a checkpoint. */
export const CHECKPOINT_BYTES = 10;

/** A KV memory that only records calls. */
export class MemoryDouble implements KvMemory {
  readonly calls: string[] = [];
  canRemove = true;
  canRestore = true;
  first = 0;
  streams = 2;

  stateBytes(): number {
    return STATE_BYTES;
  }

  removeTokens(sequence: number, from: number, to: number): boolean {
    this.calls.push(`remove ${sequence} ${from} ${to}`);
    return this.canRemove;
  }
  copySequence(source: number, target: number): void {
    this.calls.push(`copy ${source} ${target}`);
  }
  saveSequence(sequence: number): Uint8Array<ArrayBuffer> {
    this.calls.push(`save ${sequence}`);
    return new Uint8Array(STATE_BYTES);
  }
  restoreSequence(sequence: number): boolean {
    this.calls.push(`restore ${sequence}`);
    return this.canRestore;
  }

  saveCheckpoint(sequence: number): Uint8Array<ArrayBuffer> {
    this.calls.push(`checkpoint ${sequence}`);
    return new Uint8Array(CHECKPOINT_BYTES);
  }
  restoreCheckpoint(sequence: number): boolean {
    this.calls.push(`go back ${sequence}`);
    return this.canRestore;
  }
  firstPosition(): number {
    return this.first;
  }

  /** Returns and clears the recorded calls. */
  take(): string[] {
    return this.calls.splice(0);
  }
}

/** A prefix cache over a double. */
export function cacheWith(options: Partial<PrefixCacheOptions> = {}) {
  const memory = new MemoryDouble();
  const all: PrefixCacheOptions = {
    streams: 2,
    canTruncate: true,
    window: 0,
    savedBytes: 1000,
    sharedCells: null,
    mayShiftPositions: false,
    ...options,
  };
  return { memory, cache: new PrefixCache(memory, all), options: all };
}

/** Token ids from `from` on. */
export const tokens = (length: number, from = 0) => Array.from({ length }, (_, i) => from + i);
