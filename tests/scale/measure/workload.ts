import { generateTrace } from "../../../scripts/simulate/generate.ts";
import type { TraceRequest } from "../../../scripts/simulate/trace.ts";

/** Lengths of the requests: short, so that many of them fit into a minute. */
export const LENGTHS = { input: 80, output: 20, spread: 0.5, limit: 1200 };
const TURNS = 4;
/** Mean seconds between the turns of a conversation. */
const PAUSE = 4;

/**
 * A trace for machines that are busy for a part of the time.
 *
 * @param requestMs milliseconds that a request of these lengths takes alone
 * @param machines how many requests at once are served as fast as one alone
 * @param load part of the time, 0 to 1
 * @param seconds in which the requests come
 */
export function traceFor(
  { requestMs, machines, load, seconds, seed }: {
    readonly requestMs: number;
    readonly machines: number;
    readonly load: number;
    readonly seconds: number;
    readonly seed: number;
  },
): TraceRequest[] {
  const rate = load * machines / (requestMs / 1000) / TURNS;
  const conversations = Math.max(3, Math.round(rate * seconds));
  const workload = { ...LENGTHS, conversations, rate, turns: TURNS, pause: PAUSE, seed };
  const trace = generateTrace(workload);
  const begun = trace[0]!.timestamp;
  return trace.map((request) => ({ ...request, timestamp: request.timestamp - begun }))
    .filter(({ timestamp }) => timestamp <= seconds * 1000);
}
