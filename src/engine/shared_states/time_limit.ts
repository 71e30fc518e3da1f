/** Milliseconds that a listing or a deletion may take. */
export const REQUEST_MS = 5_000;
/** Milliseconds that a state may take, and those that each mebibyte of it adds. */
const TRANSFER_MS = 30_000;
const MS_PER_MIB = 1_000;

/** Milliseconds that a transfer may take. */
export function transferMs(bytes: number): number {
  return TRANSFER_MS + bytes / 2 ** 20 * MS_PER_MIB;
}

/**
 * Ends work after a time, or when a signal says so. Work on a network file system that hangs does not end, but
 * nothing waits for it any more.
 *
 * @throws {DOMException} `TimeoutError` after the time; the reason of the signal.
 */
export async function within<T>(
  ms: number,
  work: (ends: AbortSignal) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const timeout = AbortSignal.timeout(ms);
  const ends = signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
  const { promise, reject } = Promise.withResolvers<never>();
  const end = () => reject(ends.reason);
  ends.addEventListener("abort", end, { once: true });
  try {
    ends.throwIfAborted();
    return await Promise.race([work(ends), promise]);
  } finally {
    ends.removeEventListener("abort", end);
  }
}
