import type { Environment } from "./environment.ts";

/**
 * Runs work whose signal the first interrupt aborts; the work then ends and returns its exit status. A
 * second interrupt ends the command without waiting for the work.
 *
 * @param secondStatus The exit status after a second interrupt.
 */
export async function interruptible(
  environment: Environment,
  secondStatus: number,
  work: (signal: AbortSignal) => Promise<number>,
): Promise<number> {
  const controller = new AbortController();
  const second = Promise.withResolvers<number>();
  using _ = environment.onInterrupt(() => {
    if (controller.signal.aborted) second.resolve(secondStatus);
    else controller.abort();
  });
  return await Promise.race([work(controller.signal), second.promise]);
}
