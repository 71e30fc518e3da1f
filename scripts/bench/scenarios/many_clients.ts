import {
  type Bench,
  completion,
  type Figures,
  measureInterleaved,
  type Scenario,
} from "../bench.ts";
import { type Answer, firstToken, gaps, stream, timePerToken } from "../client.ts";
import { batchedBench } from "../programs/native.ts";
import type { Row } from "../report.ts";
import type { Server } from "../programs/servers.ts";
import { quantile } from "../stats.ts";
import { benchText } from "../vocabulary.ts";

/** Many concurrent clients with different prompts. */
export const manyClients: Scenario = {
  number: 2,
  title: "1, 3, 8 and 32 clients, separate and unified KV cache",
  async run(bench) {
    const rows: Row[] = [];
    for (const unified of [false, true]) {
      for (const count of bench.quick ? [1, 4] : [1, 3, 8, 32]) {
        rows.push(...await clients(bench, count, unified));
      }
    }
    return rows;
  },
};

const PROMPT = 100;

async function clients(bench: Bench, count: number, unified: boolean): Promise<Row[]> {
  const tokens = bench.quick ? 8 : 64;
  // With three clients both servers have four slots, the default.
  const settings = { parallel: count === 3 ? 4 : count, context: 256, unified };
  let seed = 0;
  const measure = async ({ url }: Server): Promise<Figures> => {
    const ask = () =>
      stream(`${url}/v1/completions`, completion(benchText(PROMPT, ++seed), tokens));
    const all = () => Promise.all(Array.from({ length: count }, ask));
    await ask();
    // In the first answers, V8 has not compiled the code that a batch of so many tokens uses.
    const cold = totalRate(await all());
    const answers = await all();
    const between = answers.flatMap(gaps);
    const first = answers.map(firstToken);
    return {
      total: totalRate(answers),
      cold,
      decode: sharedRate(answers),
      first50: quantile(first, 0.5),
      first95: quantile(first, 0.95),
      each: answers.map(timePerToken).reduce((sum, ms) => sum + ms, 0) / count,
      gap50: quantile(between, 0.5),
      gap99: quantile(between, 0.99),
    };
  };
  const { batchedBench: program, model, threads } = bench;
  const options = { model, prompt: PROMPT, generate: tokens, sequences: count, unified, threads };
  const values = await measureInterleaved(
    bench,
    settings,
    measure,
    program === null ? undefined : () => native(program, options),
  );
  const name = `${count} ${count === 1 ? "client" : "clients"}${unified ? ", unified" : ""}`;
  const row = (what: string, unit: string, key: string): Row => ({
    scenario: 2,
    what: `${name}: ${what}`,
    unit,
    rounds: values.get(key) ?? {},
  });
  return [
    {
      ...row("generated in all", "tokens/s", "total"),
      ...(count === 8 || count === 32
        ? { targets: [{ against: "llama.cpp" as const, atLeast: 0.97 }] }
        : {}),
    },
    row("generated in all, first answers after the start", "tokens/s", "cold"),
    row("decode, all running", "tokens/s", "decode"),
    row("first token, p50", "ms", "first50"),
    row("first token, p95", "ms", "first95"),
    row("time per output token", "ms", "each"),
    row("between events, p50", "ms", "gap50"),
    {
      ...row("between events, p99", "ms", "gap99"),
      ...(count === 8 ? { targets: [{ against: "llama-server" as const, atMost: 1.5 }] } : {}),
    },
  ];
}

async function native(
  program: string,
  options: Parameters<typeof batchedBench>[1],
): Promise<Figures> {
  const { pl, tg, t, speed_tg } = await batchedBench(program, options);
  return { total: pl * tg / t, decode: speed_tg };
}

/** Tokens per second of all answers, from the first request to the last token. */
function totalRate(answers: readonly Answer[]): number {
  const from = Math.min(...answers.map(({ sent }) => sent));
  const to = Math.max(...answers.map(({ times }) => times.at(-1)!));
  return answers.reduce((sum, { tokens }) => sum + tokens, 0) / (to - from) * 1000;
}

/**
 * Tokens per second while all sequences decode: after the last first token, until the first one
 * ends.
 */
function sharedRate(answers: readonly Answer[]): number {
  const from = Math.max(...answers.map(({ times }) => times[0]!));
  const to = Math.min(...answers.map(({ times }) => times.at(-1)!));
  const within = answers.flatMap(({ times }) => times.filter((time) => time > from && time <= to));
  return to > from ? within.length / (to - from) * 1000 : 0;
}
