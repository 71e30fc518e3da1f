import { type Bench, completion, inTurns, type Scenario } from "../bench.ts";
import { type Answer, firstToken, gaps, stream } from "../client.ts";
import { batchedBench, type BatchedResult } from "../native.ts";
import type { Row } from "../report.ts";
import { quantile } from "../stats.ts";
import { benchText } from "../vocabulary.ts";

/** Many clients with prompts of their own, all at once. */
export const manyClients: Scenario = {
  number: 2,
  title: "1, 8 and 32 clients, separate and unified KV cache",
  async run(bench) {
    const rows: Row[] = [];
    const counts = bench.quick ? [1, 4] : [1, 8, 32];
    for (const unified of [false, true]) {
      const native = bench.batchedBench === null ? [] : await nativeRounds(bench, counts, unified);
      for (const count of counts) rows.push(...await clients(bench, count, unified, native));
    }
    return rows;
  },
};

const PROMPT = 100;

function generated(bench: Bench): number {
  return bench.quick ? 8 : 64;
}

async function nativeRounds(
  bench: Bench,
  sequences: readonly number[],
  unified: boolean,
): Promise<BatchedResult[]> {
  const results: BatchedResult[] = [];
  for (let round = 0; round < bench.rounds; round++) {
    const { model, threads } = bench;
    const generate = generated(bench);
    const options = { model, prompt: PROMPT, generate, sequences, unified, threads };
    results.push(...await batchedBench(bench.batchedBench!, options));
  }
  return results;
}

async function clients(
  bench: Bench,
  count: number,
  unified: boolean,
  native: readonly BatchedResult[],
): Promise<Row[]> {
  const tokens = generated(bench);
  const settings = { parallel: count, context: 256, unified };
  let seed = 0;
  const values = await inTurns(bench, settings, async ({ url }) => {
    const ask = () =>
      stream(`${url}/v1/completions`, completion(benchText(PROMPT, ++seed), tokens));
    await ask();
    const answers = await Promise.all(Array.from({ length: count }, ask));
    const between = answers.flatMap(gaps);
    const first = answers.map(firstToken);
    return {
      total: totalRate(answers),
      decode: sharedRate(answers),
      first50: quantile(first, 0.5),
      first95: quantile(first, 0.95),
      gap50: quantile(between, 0.5),
      gap99: quantile(between, 0.99),
    };
  });
  const name = `${count} ${count === 1 ? "client" : "clients"}${unified ? ", unified" : ""}`;
  const same = native.filter(({ pl }) => pl === count);
  const row = (what: string, unit: string, key: string): Row => ({
    scenario: 2,
    what: `${name}: ${what}`,
    unit,
    rounds: values.get(key) ?? {},
  });
  const totals = row("generated in all", "tokens/s", "total");
  const decodes = row("decode, all running", "tokens/s", "decode");
  return [
    {
      ...totals,
      rounds: { ...totals.rounds, "llama.cpp": same.map(({ pl, tg, t }) => pl * tg / t) },
      ...(count > 1 ? { targets: [{ against: "llama.cpp" as const, atLeast: 0.97 }] } : {}),
    },
    {
      ...decodes,
      rounds: { ...decodes.rounds, "llama.cpp": same.map(({ speed_tg }) => speed_tg) },
    },
    row("first token, p50", "ms", "first50"),
    row("first token, p95", "ms", "first95"),
    row("between tokens, p50", "ms", "gap50"),
    row("between tokens, p99", "ms", "gap99"),
  ];
}

/** Tokens per second of all answers, from the first request to the last token. */
function totalRate(answers: readonly Answer[]): number {
  const from = Math.min(...answers.map(({ sent }) => sent));
  const to = Math.max(...answers.map(({ times }) => times.at(-1)!));
  return answers.reduce((sum, { tokens }) => sum + tokens, 0) / (to - from) * 1000;
}

/** Tokens per second while every answer is running: behind the last first token, until the first ends. */
function sharedRate(answers: readonly Answer[]): number {
  const from = Math.max(...answers.map(({ times }) => times[0]!));
  const to = Math.min(...answers.map(({ times }) => times.at(-1)!));
  const within = answers.flatMap(({ times }) => times.filter((time) => time > from && time <= to));
  return to > from ? within.length / (to - from) * 1000 : 0;
}
