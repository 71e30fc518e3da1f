import { completion, type Figures, measureInterleaved, type Scenario } from "../bench.ts";
import { decodeRate, gaps, stream, timePerToken } from "../client.ts";
import { llamaBench } from "../programs/native.ts";
import type { Server } from "../programs/servers.ts";
import { quantile } from "../stats.ts";
import { benchText } from "../vocabulary.ts";

/** One client: overhead of serving over the library. */
export const singleStream: Scenario = {
  number: 1,
  title: "one stream over HTTP and SSE",
  async run(bench) {
    const tokens = bench.quick ? 16 : 128;
    const settings = { parallel: 1, context: 512, unified: false };
    const measure = async ({ url }: Server): Promise<Figures> => {
      const ask = (seed: number) =>
        stream(`${url}/v1/completions`, completion(benchText(16, seed), tokens));
      await ask(1);
      const answer = await ask(2);
      return {
        rate: decodeRate(answer),
        each: timePerToken(answer),
        gap: quantile(gaps(answer), 0.5),
        gap99: quantile(gaps(answer), 0.99),
      };
    };
    const { llamaBench: program, model, threads } = bench;
    const native = async (program: string): Promise<Figures> => {
      const rate = await llamaBench(program, { model, prompt: 0, generate: tokens, threads });
      return { rate, each: 1000 / rate };
    };
    const values = await measureInterleaved(
      bench,
      settings,
      measure,
      program === null ? undefined : () => native(program),
    );
    return [
      {
        scenario: 1,
        what: "one client: decode",
        unit: "tokens/s",
        rounds: values.get("rate") ?? {},
        targets: [
          { against: "llama.cpp", atLeast: bench.spareCore ? 0.99 : 0.95 },
          { against: "llama-server", atLeast: 1 },
        ],
      },
      {
        scenario: 1,
        what: "one client: time per output token",
        unit: "ms",
        rounds: values.get("each") ?? {},
      },
      {
        scenario: 1,
        what: "one client: between events, p50",
        unit: "ms",
        rounds: values.get("gap") ?? {},
      },
      {
        scenario: 1,
        what: "one client: between events, p99",
        unit: "ms",
        rounds: values.get("gap99") ?? {},
      },
    ];
  },
};
