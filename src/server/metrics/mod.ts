/**
 * Metrics of the server, the status of engines, and the queue places of requests.
 *
 * @module
 */
export { engineStatus } from "./engine_status.ts";
export { Metrics } from "./metrics.ts";
export { queueHeaders, queueOf, type QueuePlace } from "./request_queue.ts";
