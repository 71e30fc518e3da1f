import { completion, type Figures, measureInterleaved, type Scenario } from "../bench.ts";
import { decodeRate, gaps, stream, timePerToken } from "../client.ts";
import { llamaBench } from "../programs/native.ts";
import type { Server } from "../programs/servers.ts";
import { median, quantile } from "../stats.ts";
import { benchText } from "../vocabulary.ts";

/** Answers between the first one and the measured ones, in which V8 compiles the code that a token uses. */
const WARM_UP = 2;
/** Measured answers of a round, of which the median counts. */
const ANSWERS = 3;

/** One client: overhead of serving over the library. */
export const singleStream: Scenario = {
  number: 1,
  title: "one stream over HTTP and SSE",
  async run(bench) {
    const tokens = bench.quick ? 16 : 128;
    const settings = { parallel: 1, context: 512, unified: false };
    const measure = async ({ url }: Server): Promise<Figures> => {
      let seed = 0;
      const ask = () => stream(`${url}/v1/completions`, completion(benchText(16, ++seed), tokens));
      const first = await ask();
      for (let count = 0; count < WARM_UP; count++) await ask();
      const answers = [];
      for (let count = 0; count < ANSWERS; count++) answers.push(await ask());
      return {
        rate: median(answers.map(decodeRate)),
        each: median(answers.map(timePerToken)),
        gap: median(answers.map((answer) => quantile(gaps(answer), 0.5))),
        gap99: median(answers.map((answer) => quantile(gaps(answer), 0.99))),
        cold: decodeRate(first),
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
        what: "one client: decode, first answer after the start",
        unit: "tokens/s",
        rounds: values.get("cold") ?? {},
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
