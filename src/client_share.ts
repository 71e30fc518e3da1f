/** Share of a queue that one client may fill, so that others always find a place. */
const QUEUE_SHARE = 0.75;

/** Places that one client may fill in a queue of `limit` places. */
export function clientShare(limit: number): number {
  return Math.max(1, Math.floor(limit * QUEUE_SHARE));
}
