import { ShimmyError } from "../../errors.ts";

/**
 * The result of work that does not know a signal; the work itself goes on.
 * @throws {ShimmyError} `cancelled` when the signal aborts.
 */
export async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = () => reject(new ShimmyError("cancelled", "Stopped"));
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort);
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener("abort", abort);
    work.catch(() => {});
  }
}
