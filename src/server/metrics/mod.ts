export { statusOf } from "./engine_status.ts";
export { Metrics } from "./metrics.ts";
export { queueHeaders, queueOf, type QueuePlace } from "./queue.ts";
