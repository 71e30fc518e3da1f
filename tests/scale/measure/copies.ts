/** Measures how long a replica copies states, and what a request costs beside batches and copies. */
import { median } from "../../../scripts/bench/stats.ts";
import { type BatchTimes, prefillMs } from "../../../scripts/simulate/timings.ts";
import { type Completion, firstTokenMs } from "./client.ts";

/** Tokens of a long prompt, whose state is worth a copy, and of one whose state is not. */
const LONG = 512;
const SHORT = 16;
/** Tokens of a long prompt that another prompt begins with: less than half, so that its stream is kept. */
const SHARED = 200;
/** Repetitions, of which the median counts. */
const REPEATS = 2;

/** A server that is asked one request at a time. */
export interface AskedServer {
  readonly parallel: number;
  /** Tokens that no prompt had before. */
  fresh(length: number): number[];
  /** The answer of one token. */
  ask(prompt: readonly number[]): Promise<Completion>;
}

export type CopyTimes = Pick<BatchTimes, "saveMs" | "restoreMs" | "copyMs" | "overheadMs">;

/** @param prefill measured times of prefill batches */
export async function measureCopies(
  server: AskedServer,
  prefill: BatchTimes["prefill"],
): Promise<CopyTimes> {
  const { saved, restored, plain } = await askForStates(server);
  const overheadMs = Math.max(0, median(plain));
  const perToken = (outside: readonly number[]) =>
    Math.max(0, (median(outside) - overheadMs) / LONG);
  return {
    ...{ saveMs: perToken(saved), restoreMs: perToken(restored), overheadMs },
    copyMs: await measureCopy(server, prefill),
  };
}

/**
 * Milliseconds outside of the prompt's batches, of requests whose stream held a long prompt that is saved first, of
 * requests whose own prompt is restored, and of those that need neither.
 */
async function askForStates({ parallel, fresh, ask }: AskedServer) {
  const outside = async (prompts: readonly (readonly number[])[]) => {
    const times: number[] = [];
    for (const prompt of prompts) {
      const answer = await ask(prompt);
      times.push(firstTokenMs(answer) - answer.promptMs);
    }
    return times;
  };
  const prompts = (length: number) => Array.from({ length: parallel }, () => fresh(length));
  const [saved, restored, plain]: [number[], number[], number[]] = [[], [], []];
  for (let round = 0; round < REPEATS; round++) {
    const long = prompts(LONG);
    await outside(long);
    saved.push(...await outside(prompts(SHORT)));
    restored.push(...await outside(long));
    // The long prompts are still in host memory, and are not saved again.
    plain.push(...await outside(prompts(SHORT)));
  }
  return { saved, restored, plain };
}

async function measureCopy(
  { fresh, ask }: AskedServer,
  prefill: BatchTimes["prefill"],
): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round <= REPEATS; round++) {
    const long = fresh(LONG);
    await ask(long);
    const { promptMs } = await ask([...long.slice(0, SHARED), ...fresh(SHORT)]);
    times.push(promptMs - prefillMs({ prefill }, SHORT, SHARED));
  }
  return Math.max(0, median(times));
}
