/** Tells how fast a machine is, as the time of two batches: their ratio changes with the machine's speed. */
import { median } from "../../../scripts/bench/stats.ts";
import {
  type BatchTimes,
  decodeMs,
  prefillMs,
  type Slowness,
} from "../../../scripts/simulate/timings.ts";
import { complete, type Completion, tokenOf } from "./client.ts";

/** Tokens of a prompt that is computed in one batch, and whose state is too short to be saved. */
const PROMPT = 48;
/** Tokens of its answer. */
const ANSWER = 16;
const REPEATS = 11;

/** Prompts of other parts share no tokens; traces and measurements have lower ones. */
let part = 9_000_000;

/** Milliseconds of a prefill batch and of a decode batch of one sequence, each the median of some. */
export async function referenceBatches(
  url: string,
  vocabulary: readonly number[],
  repeats: number,
): Promise<Slowness> {
  const answers: Completion[] = [];
  for (let run = 0; run < repeats; run++) {
    const prompt = Array.from({ length: PROMPT }, (_, at) => tokenOf(vocabulary, part, at));
    part++;
    answers.push(await complete(url, prompt, ANSWER));
  }
  return {
    prefill: median(answers.map(({ promptMs }) => promptMs)),
    decode: median(answers.map(stepMs)),
  };
}

/** Milliseconds of a decode batch of an answer that runs alone. */
function stepMs({ pieces }: Completion): number {
  const tokens = pieces.slice(1).reduce((sum, { tokens }) => sum + tokens.length, 0);
  return (pieces.at(-1)!.at - pieces[0]!.at) / tokens;
}

/** The times of batches now, as multiples of the measured ones. 1: the machine is as fast as then. */
export async function relativeTimes(
  url: string,
  vocabulary: readonly number[],
  times: Pick<BatchTimes, "prefill" | "decode">,
): Promise<Slowness> {
  const now = await referenceBatches(url, vocabulary, REPEATS);
  return {
    prefill: now.prefill / prefillMs(times, PROMPT, 0),
    decode: now.decode / decodeMs(times, 1, PROMPT + ANSWER / 2),
  };
}
