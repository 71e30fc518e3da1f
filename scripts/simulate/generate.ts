import { Random } from "../../tests/grammar/random.ts";
import type { TraceRequest } from "./trace.ts";

/** What a generated trace is like. */
export interface Workload {
  /** Conversations that begin. */
  readonly conversations: number;
  /** Conversations that begin per second: a Poisson process. */
  readonly rate: number;
  /** Mean turns of a conversation, which are distributed geometrically. */
  readonly turns: number;
  /** Median tokens that a turn adds to the prompt, and median tokens of an answer. */
  readonly input: number;
  readonly output: number;
  /** Standard deviation of the logarithm of both lengths; 0: all are equal. */
  readonly spread: number;
  /** Mean seconds between the arrivals of two turns of a conversation, which are distributed exponentially. */
  readonly pause: number;
  /** A conversation ends before it has more tokens. */
  readonly limit: number;
  readonly seed: number;
}

/** A length is at most so many times the median. */
const MOST_TIMES = 8;

/** Requests with random arrivals and lengths, always the same for a seed, by time of arrival. */
export function generateTrace(workload: Workload): TraceRequest[] {
  const { conversations, rate, turns, input, output, spread, pause, limit, seed } = workload;
  const random = new Random(seed);
  const length = (median: number) => {
    const drawn = median * Math.exp(spread * normal(random));
    return Math.max(1, Math.min(median * MOST_TIMES, Math.round(drawn)));
  };
  const requests: TraceRequest[] = [];
  let begun = 0;
  for (let number = 0; number < conversations; number++) {
    begun += exponential(random, 1 / rate);
    let at = begun;
    for (let tokens = 0, turn = 0; turn === 0 || random.chance(1 - 1 / turns); turn++) {
      const [added, answer] = [length(input), length(output)];
      if (tokens + added + answer > limit) break;
      requests.push({
        timestamp: Math.round(at * 1000),
        input_length: tokens + added,
        output_length: answer,
        conversation: `c${number}`,
      });
      tokens += added + answer;
      at += exponential(random, pause);
    }
  }
  return requests.sort((a, b) => a.timestamp - b.timestamp);
}

function exponential(random: Random, mean: number): number {
  return -mean * Math.log(1 - random.next());
}

/** A number of the standard normal distribution (Box and Muller, 1958). */
function normal(random: Random): number {
  const radius = Math.sqrt(-2 * Math.log(1 - random.next()));
  return radius * Math.cos(2 * Math.PI * random.next());
}
