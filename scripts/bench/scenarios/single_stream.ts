import { completion, inTurns, type Scenario } from "../bench.ts";
import { decodeRate, gaps, stream } from "../client.ts";
import { llamaBench } from "../native.ts";
import { quantile } from "../stats.ts";
import { benchText } from "../vocabulary.ts";

/** One client: what serving costs beside the library alone. */
export const singleStream: Scenario = {
  number: 1,
  title: "one stream over HTTP and SSE",
  async run(bench) {
    const tokens = bench.quick ? 16 : 128;
    const settings = { parallel: 1, context: 512, unified: false };
    const values = await inTurns(bench, settings, async ({ url }) => {
      const ask = (seed: number) =>
        stream(`${url}/v1/completions`, completion(benchText(16, seed), tokens));
      await ask(1);
      const answer = await ask(2);
      return { rate: decodeRate(answer), gap: quantile(gaps(answer), 0.5) };
    });
    const native = bench.llamaBench === null ? [] : await llamaBench(bench.llamaBench, {
      model: bench.model,
      prompt: 0,
      generate: tokens,
      repetitions: bench.rounds,
      threads: bench.threads,
    });
    return [
      {
        scenario: 1,
        what: "one client: decode",
        unit: "tokens/s",
        rounds: { ...values.get("rate"), "llama.cpp": native },
        targets: [
          { against: "llama.cpp", atLeast: 0.98 },
          { against: "llama-server", atLeast: 1.08 },
        ],
      },
      {
        scenario: 1,
        what: "one client: between tokens, p50",
        unit: "ms",
        rounds: { ...values.get("gap"), "llama.cpp": native.map((rate) => 1000 / rate) },
      },
    ];
  },
};
