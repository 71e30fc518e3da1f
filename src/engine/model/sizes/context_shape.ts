import type { ContextShape, KvUnified } from "../../protocol/mod.ts";
import type { SlidingLayers } from "./kv_bytes.ts";

/** Minimum context length when memory limits the context. */
const MIN_CONTEXT = 2048;
/** libllama rounds the cells of a stream up to a multiple of this. */
const CELL_STEP = 256;
/** Sequences that run together with `--parallel auto`, if memory allows `MIN_CONTEXT` tokens for each. */
const AUTO_SEQUENCES = 4;

/** What decides the shape of a context. */
export interface ShapeOptions {
  /** Requested tokens per sequence. 0: choose automatically. */
  readonly requested: number;
  /** Trained context length in tokens; 0 if unknown. */
  readonly trained: number;
  /** Concurrent sequences. 0: choose automatically. */
  readonly parallel: number;
  readonly kvUnified: KvUnified;
  /** Whether a unified buffer has the cells of one sequence only. */
  readonly sharesOneContext?: boolean | undefined;
  /** KV cache bytes per token. */
  readonly bytesPerToken: number;
  /** The same of a draft model, which has a context of the same shape. Default 0. */
  readonly draftBytesPerToken?: number;
  /** Bytes of the recurrent state of each sequence. Default 0. */
  readonly sequenceBytes?: number;
  /** Maximum bytes of the KV cache, unless the length is requested. */
  readonly budget: number;
  /** Layers with a sliding window; null without any. */
  readonly sliding?: SlidingLayers | null;
  /** Minimum tokens of one sequence, for a request that needs them. */
  readonly atLeast?: number;
}

/** A shape, and the limits to report, one sentence each. */
export interface ChosenShape {
  readonly shape: ContextShape;
  readonly notes: readonly string[];
}

/**
 * Chooses the shape of a context: a KV stream for each sequence where all of them get the whole length,
 * else one buffer that all sequences share and of which one sequence may take any part.
 *
 * With `auto`, layers with a sliding window keep all cells, unless their window alone allows a longer
 * context.
 */
export function chooseShape(options: ShapeOptions): ChosenShape {
  const { sliding = null, draftBytesPerToken = 0, budget, requested } = options;
  const bytesPerToken = options.bytesPerToken + draftBytesPerToken;
  const full = shapeWithin(options, { bytesPerToken, budget, swaFull: true });
  const notes = lengthNotes(options, full);
  if (sliding === null || sliding.mode === "on") return { shape: full, notes };
  const { window, batch } = sliding;
  const fullBytesPerToken = sliding.fullBytesPerToken + draftBytesPerToken;
  const small = shapeWithin(options, {
    bytesPerToken: fullBytesPerToken,
    budget,
    // Source: the constructor of `llama_kv_cache_iswa`.
    windowBytes: (sequences, unified, cells) => {
      const streams = unified ? 1 : sequences;
      const wanted = unified ? window * sequences + batch : window + batch;
      const held = allocated(Math.min(cells, wanted * streams), streams);
      return (bytesPerToken - fullBytesPerToken) * held;
    },
    swaFull: false,
  });
  const fits = requested === 0 || full.kvBytes <= Math.max(budget, small.kvBytes);
  if (sliding.mode === "auto" && fits && full.length >= small.length) return { shape: full, notes };
  const note = `Layers with a sliding window keep ${window} tokens and not the whole context ` +
    `(${gigabytes(small.kvBytes)} instead of ${
      gigabytes(bytesOf(small, bytesPerToken))
    }), to save ` +
    `memory; --swa-full on keeps all`;
  const limits = lengthNotes(options, small);
  return { shape: small, notes: sliding.mode === "off" ? limits : [...limits, note] };
}

/** Memory of a shape. */
interface ShapeMemory {
  readonly bytesPerToken: number;
  readonly budget: number;
  /** Bytes of the windows of a number of sequences, which have no more cells than other layers. */
  readonly windowBytes?: (sequences: number, unified: boolean, cells: number) => number;
  readonly swaFull: boolean;
}

/** Cells that libllama allocates: each stream has whole steps. */
function allocated(cells: number, streams: number): number {
  return Math.ceil(cells / streams / CELL_STEP) * CELL_STEP * streams;
}

function shapeWithin(options: ShapeOptions, memory: ShapeMemory): ContextShape {
  const { requested, trained, parallel, kvUnified, atLeast = 0, sequenceBytes = 0 } = options;
  const { bytesPerToken, budget, swaFull, windowBytes = () => 0 } = memory;
  const fixedBytes = (count: number, unified: boolean, cells = Infinity) =>
    windowBytes(count, unified, cells) + count * sequenceBytes;
  const wanted = requested > 0 ? requested : trained > 0 ? trained : MIN_CONTEXT;
  const cellsFor = (count: number, unified: boolean) => {
    const left = Math.max(0, budget - fixedBytes(count, unified));
    return bytesPerToken > 0 ? Math.floor(left / bytesPerToken) : Infinity;
  };
  const most = cellsFor(1, true) / Math.min(wanted, MIN_CONTEXT);
  const sequences = parallel > 0
    ? parallel
    : Math.max(1, Math.min(AUTO_SEQUENCES, Math.floor(most)));
  const fitting = cellsFor(sequences, false);
  const isUnified = kvUnified === "on" || kvUnified === true;
  const isRequestedAsOne = isUnified && requested > 0;
  const shape = (length: number, cells: number, unified: boolean, count = sequences) => ({
    length,
    sequences: count,
    unified,
    cells,
    swaFull,
    kvBytes: Math.ceil(
      allocated(cells, unified ? 1 : count) * bytesPerToken + fixedBytes(count, unified, cells),
    ),
    reason: reasonOf({
      ...{ length, cells, unified, count, wanted, requested, budget },
      // Requested cells are those of all sequences together.
      usable: unified && (options.sharesOneContext || isRequestedAsOne) ? wanted : count * wanted,
      needed: count * wanted * bytesPerToken + fixedBytes(count, false, count * wanted),
    }),
  });
  const least = Math.max(atLeast, Math.min(wanted, MIN_CONTEXT));
  // The cells that memory allows, but not more than all sequences can use.
  const usable = options.sharesOneContext ? wanted : wanted * sequences;
  const shared = Math.max(least, Math.min(wholeSteps(cellsFor(sequences, true)), usable));
  if (isUnified) {
    return requested > 0
      ? shape(requested, requested, true)
      : shape(Math.min(wanted, shared), shared, true);
  }
  if (kvUnified === "auto" && sequences > 1 && wanted * sequences > fitting) {
    const cells = Math.max(shared, requested);
    return shape(Math.min(wanted, cells), cells, true);
  }
  if (requested > 0) return shape(requested, requested * sequences, false);
  // A long request may leave fewer streams.
  const count = atLeast === 0
    ? sequences
    : Math.max(1, Math.min(sequences, Math.floor(fitting / atLeast)));
  const length = Math.min(wanted, Math.max(least, wholeSteps(fitting / count)));
  return shape(length, length * count, false, count);
}

/** Why a context has its shape, in one sentence. */
function reasonOf(facts: {
  readonly length: number;
  readonly cells: number;
  readonly unified: boolean;
  readonly count: number;
  readonly wanted: number;
  /** Cells that the sequences could use. */
  readonly usable: number;
  readonly requested: number;
  readonly budget: number;
  /** Bytes of a KV cache with the whole context for each sequence. */
  readonly needed: number;
}): string {
  const { length, cells, unified, count, wanted, requested, budget, needed } = facts;
  const kind = requested > 0 ? "requested" : "trained";
  const whole = `the whole ${kind} context of ${wanted} tokens`;
  const short = `${count === 1 ? whole : `${count} sequences with ${whole}`} ` +
    `${count === 1 ? "needs" : "need"} ${gigabytes(needed)}, the KV cache may ` +
    `have ${gigabytes(budget)}`;
  if (unified) {
    const buffer = `One buffer of ${cells} tokens for ` +
      (count === 1 ? "one sequence" : `${count} sequences`);
    return facts.usable > cells ? `${buffer}: ${short}` : `${buffer}, as requested`;
  }
  const streams = count === 1 ? "One sequence" : `${count} sequences with a KV stream each`;
  return length >= wanted
    ? `${streams}: memory allows ${whole}${count === 1 ? "" : " for each"}`
    : `${streams} of ${length} tokens: ${short}`;
}

/** Notes on how the length differs from the requested or trained length. */
function lengthNotes({ requested, trained }: ShapeOptions, shape: ContextShape): string[] {
  if (requested > 0) {
    return requested > trained && trained > 0
      ? [`The context of ${requested} tokens exceeds the trained length of ${trained} tokens`]
      : [];
  }
  const wanted = trained > 0 ? trained : MIN_CONTEXT;
  return shape.length < wanted
    ? [
      `The context is limited to ${shape.length} of ${wanted} trained tokens to save memory; ` +
      `a longer request gets more if memory allows, --ctx sets another length`,
    ]
    : [];
}

function bytesOf({ cells }: ContextShape, bytesPerToken: number): number {
  return cells * bytesPerToken;
}

function wholeSteps(cells: number): number {
  return Math.floor(cells / CELL_STEP) * CELL_STEP;
}

function gigabytes(bytes: number): string {
  return bytes < 2 ** 30
    ? `${Math.ceil(bytes / 2 ** 20)} MiB`
    : `${(bytes / 2 ** 30).toFixed(1)} GiB`;
}
