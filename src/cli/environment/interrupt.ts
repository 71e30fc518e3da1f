import type { World } from "./environment.ts";

/**
 * Runs work that the first request to stop aborts; it then ends by itself and says its exit status. A
 * second request does not wait for it.
 *
 * @param hasty The exit status of a second request.
 */
export async function stoppable(
  world: World,
  hasty: number,
  work: (signal: AbortSignal) => Promise<number>,
): Promise<number> {
  const controller = new AbortController();
  const second = Promise.withResolvers<number>();
  using _ = world.onStop(() => {
    if (controller.signal.aborted) second.resolve(hasty);
    else controller.abort();
  });
  return await Promise.race([work(controller.signal), second.promise]);
}
