/**
 * What happens on a server, for those who watch it: errors, log lines, finished requests and pulls.
 *
 * @module
 */
export {
  Activity,
  type ActivityEvent,
  type ActivityListener,
  type FailedRequest,
  type FinishedRequest,
  type LogLevel,
} from "./activity.ts";
export type { PullReport, PullStatus } from "./running_pulls.ts";
