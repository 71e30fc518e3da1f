import type { ModelInfo } from "../protocol/mod.ts";

/** The time between two pictures of a screen that shows 60 in a second, in milliseconds. */
const SCREEN_INTERVAL = 16;
/** Two of them. */
const LONG_INTERVAL = 32;

/**
 * Minimum milliseconds between two messages with tokens, where a load asks for none.
 *
 * It is longer where the model computes on all cores: what receives a message takes one of them, and the threads
 * on the others wait for the thread on that one.
 *
 * @param cores logical cores that the process may use
 */
export function usualInterval(
  { threads, layers, offloadedLayers }: Pick<ModelInfo, "threads" | "layers" | "offloadedLayers">,
  cores = navigator.hardwareConcurrency,
): number {
  // The output layer counts as one.
  const isOnCpu = offloadedLayers <= layers;
  return isOnCpu && threads >= cores ? LONG_INTERVAL : SCREEN_INTERVAL;
}
