/** Measured times of batches: the file that `deno task measure:batches` writes. */
import type { MicroBatch } from "./micro_batches.ts";

/** A decode batch: one token for each sequence. */
export interface DecodeTime {
  readonly sequences: number;
  /** Tokens before it in each sequence. */
  readonly context: number;
  readonly ms: number;
}

/** A prefill batch. */
export interface PrefillTime {
  /** Tokens of the batch. */
  readonly tokens: number;
  /** Tokens before them. */
  readonly context: number;
  readonly ms: number;
}

/** The measured times, and what they were measured with. */
export interface BatchTimes {
  /** File name of the model. */
  readonly model: string;
  /** Processor, cores and threads, as text. */
  readonly machine: string;
  /** Threads of a replica. */
  readonly threads: number;
  /** Sequences of a replica at once. */
  readonly parallel: number;
  /** Maximum tokens of a sequence. */
  readonly context: number;
  /** Maximum tokens of a batch, `n_batch`, and of those that libllama computes together, `n_ubatch`. */
  readonly batch: number;
  readonly microBatch: number;
  /** Tokens of prompts that the engine puts into a batch, unless the rest is small, and a group of the kernels. */
  readonly promptRows: number;
  readonly rowGroup: number;
  /** Bytes of the KV cache for each token. */
  readonly kvBytes: number;
  readonly decode: readonly DecodeTime[];
  readonly prefill: readonly PrefillTime[];
  /** Milliseconds to save a token of a stream to host memory, and to restore it. */
  readonly saveMs: number;
  readonly restoreMs: number;
  /** Milliseconds to copy a stream to another one. */
  readonly copyMs: number;
  /** Milliseconds of a request outside of batches and copies, until its first token arrives. */
  readonly overheadMs: number;
  /**
   * How many times as long a batch takes while 1, 2, ... replicas compute on the same machine. Where each has
   * a machine of its own: [1].
   */
  readonly slowdown: readonly number[];
}

const POSITIVE = [
  "threads",
  "parallel",
  "context",
  "batch",
  "microBatch",
  "promptRows",
  "rowGroup",
  "kvBytes",
] as const;
const AT_LEAST_ZERO = ["saveMs", "restoreMs", "copyMs", "overheadMs"] as const;

/** Most that a field may be, in any unit. */
const MOST = 1e9;
/** The same of the sequences of a replica, each of which has a stream. */
const MOST_PARALLEL = 4096;

const isPositive = (value: unknown) => typeof value === "number" && value > 0 && value <= MOST;
const isAtLeastZero = (value: unknown) => typeof value === "number" && value >= 0 && value <= MOST;

/**
 * Reads the file.
 *
 * @throws {SyntaxError} for a file without the fields above, and for two times of the same batch
 */
export function parseTimes(text: string): BatchTimes {
  const times = JSON.parse(text) as BatchTimes;
  if (typeof times !== "object" || times === null) throw new SyntaxError("must be a JSON object");
  for (const field of POSITIVE) {
    if (!isPositive(times[field])) {
      throw new SyntaxError(`${field} must be a number above 0, not ${times[field]}`);
    }
    if (field !== "kvBytes" && !Number.isInteger(times[field])) {
      throw new SyntaxError(`${field} must be a whole number, not ${times[field]}`);
    }
  }
  if (times.parallel > MOST_PARALLEL) {
    throw new SyntaxError(`parallel must be at most ${MOST_PARALLEL}, not ${times.parallel}`);
  }
  for (const field of ["decode", "prefill", "slowdown"] as const) {
    const list: readonly unknown[] = Array.isArray(times[field]) ? times[field] : [];
    if (list.length === 0) throw new SyntaxError(`${field} must be a list of measured times`);
    const wrong = list.findIndex((one) =>
      !isPositive(field === "slowdown" ? one : (one as DecodeTime | null)?.ms)
    );
    if (wrong !== -1) {
      const place = `${field}[${wrong}]${field === "slowdown" ? "" : ".ms"}`;
      throw new SyntaxError(`${place} must be a number above 0 and at most ${MOST}`);
    }
  }
  requireGrid("decode", "sequences", times.decode);
  requireGrid("prefill", "tokens", times.prefill);
  for (const field of AT_LEAST_ZERO) {
    if (isAtLeastZero(times[field])) continue;
    throw new SyntaxError(`${field} must be a number of at least 0, not ${times[field]}`);
  }
  return times;
}

/** @throws {SyntaxError} for points of which one has no place between the others. */
function requireGrid<Size extends string>(
  field: string,
  size: Size,
  points: readonly ({ readonly context: number } & { readonly [name in Size]: number })[],
): void {
  const places = new Set<string>();
  points.forEach((point, index) => {
    if (!isPositive(point[size])) {
      throw new SyntaxError(
        `${field}[${index}].${size} must be a number above 0, not ${point[size]}`,
      );
    }
    if (!isAtLeastZero(point.context)) {
      const given = point.context;
      throw new SyntaxError(
        `${field}[${index}].context must be a number of at least 0, not ${given}`,
      );
    }
    const place = `${size} ${point[size]} and context ${point.context}`;
    if (places.has(place)) throw new SyntaxError(`${field} has two times for ${place}`);
    places.add(place);
  });
}

/** Milliseconds of a micro-batch. */
export function microBatchMs(times: BatchTimes, { streams, rows, context }: MicroBatch): number {
  return rows === 1 ? decodeMs(times, streams, context) : prefillMs(times, streams * rows, context);
}

/** Milliseconds of a decode batch. @param context mean tokens before it in each sequence */
export function decodeMs(
  { decode }: Pick<BatchTimes, "decode">,
  sequences: number,
  context: number,
): number {
  return onGrid(
    decode.map(({ sequences, context, ms }) => ({ x: sequences, y: context, ms })),
    sequences,
    context,
  );
}

/** Milliseconds of a prefill batch. @param context mean tokens before those of the batch */
export function prefillMs(
  { prefill }: Pick<BatchTimes, "prefill">,
  tokens: number,
  context: number,
): number {
  return onGrid(
    prefill.map(({ tokens, context, ms }) => ({ x: tokens, y: context, ms })),
    tokens,
    context,
  );
}

/** How many times as long a batch takes while so many replicas compute. Past the last one, they share it. */
export function slowdownOf({ slowdown }: BatchTimes, computing: number): number {
  const last = slowdown.at(-1)!;
  if (slowdown.length === 1) return last;
  return slowdown[computing - 1] ?? last * computing / slowdown.length;
}

/** How long a machine takes, in milliseconds or as a multiple: for prefill batches, and for all else. */
export interface Slowness {
  /** Arithmetic limits them. */
  readonly prefill: number;
  /** Memory limits them and copies. */
  readonly decode: number;
}

/** The times on a machine that takes so many times as long. */
export function slower(times: BatchTimes, factors: Slowness): BatchTimes {
  const longer = <Batch extends { readonly ms: number }>(batches: readonly Batch[], by: number) =>
    batches.map((batch) => ({ ...batch, ms: batch.ms * by }));
  return {
    ...times,
    decode: longer(times.decode, factors.decode),
    prefill: longer(times.prefill, factors.prefill),
    saveMs: times.saveMs * factors.decode,
    restoreMs: times.restoreMs * factors.decode,
    copyMs: times.copyMs * factors.decode,
    overheadMs: times.overheadMs * factors.decode,
  };
}

interface Point {
  readonly x: number;
  readonly y: number;
  readonly ms: number;
}

/** The value between the points of a grid; past its edges, the line goes on. */
function onGrid(points: readonly Point[], x: number, y: number): number {
  const lines = [...Map.groupBy(points, (point) => point.y)].map(([at, line]) => ({
    at,
    value: onLine(line.map((point) => ({ at: point.x, value: point.ms })), x),
  }));
  return Math.max(0, onLine(lines, y));
}

/** The value between two neighbours of a list. */
function onLine(
  points: readonly { readonly at: number; readonly value: number }[],
  at: number,
): number {
  const sorted = points.toSorted((a, b) => a.at - b.at);
  if (sorted.length === 1) return sorted[0]!.value;
  const after = sorted.findIndex((point) => point.at >= at);
  const right = after === -1 ? sorted.length - 1 : Math.max(1, after);
  const [low, high] = [sorted[right - 1]!, sorted[right]!];
  return low.value + (high.value - low.value) * (at - low.at) / (high.at - low.at);
}
