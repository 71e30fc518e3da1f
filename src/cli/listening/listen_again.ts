import { delay } from "@std/async/delay";

/** Milliseconds between two attempts, at first and after the wait was reported. */
const FIRST_INTERVAL_MS = 5;
const LATER_INTERVAL_MS = 250;

/** Milliseconds of attempts before the wait is reported. */
const REPORT_MS = 1_000;

/** When attempts end, and who hears of them. */
export interface AgainOptions {
  /** Ends the attempts. */
  readonly stopped: AbortSignal;
  /** Called once, with the last error, if the attempts take long. */
  readonly waits: (error: unknown) => void;
  /** Milliseconds before `waits` is called. */
  readonly reportMs?: number;
}

/**
 * Listens where a listener was closed. The system frees its port a little later, and another program may take
 * the port meanwhile. A server that gave up would run on without a listener, so attempts go on until one
 * succeeds.
 *
 * @param listen makes one attempt.
 * @returns null when `stopped` aborts.
 */
export async function listenAgain<L>(
  listen: () => L,
  { stopped, waits, reportMs = REPORT_MS }: AgainOptions,
): Promise<L | null> {
  const latest = performance.now() + reportMs;
  let isReported = false;
  while (!stopped.aborted) {
    try {
      return listen();
    } catch (error) {
      if (!isReported && performance.now() >= latest) {
        isReported = true;
        waits(error);
      }
    }
    const interval = isReported ? LATER_INTERVAL_MS : FIRST_INTERVAL_MS;
    await delay(interval, { signal: stopped }).catch(() => {});
  }
  return null;
}
