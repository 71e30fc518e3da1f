/** Tells whether a machine is as fast as when its batches were measured. */
import { median } from "../../../scripts/bench/stats.ts";
import { type BatchTimes, prefillMs } from "../../../scripts/simulate/timings.ts";
import { complete, tokenOf } from "./client.ts";

/** Tokens of a prompt that is computed in one batch, and whose state is too short to be saved. */
const TOKENS = 48;
const REPEATS = 11;

/** Prompts of other parts share no tokens; traces and measurements have lower ones. */
let part = 9_000_000;

/** The time of a batch now, as a multiple of its measured time. 1: the machine is as fast as then. */
export async function relativeTime(
  url: string,
  vocabulary: readonly number[],
  times: Pick<BatchTimes, "prefill">,
): Promise<number> {
  const taken: number[] = [];
  for (let run = 0; run < REPEATS; run++) {
    const prompt = Array.from({ length: TOKENS }, (_, at) => tokenOf(vocabulary, part, at));
    part++;
    taken.push((await complete(url, prompt, 1)).promptMs);
  }
  return median(taken) / prefillMs(times, TOKENS, 0);
}
