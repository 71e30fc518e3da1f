import { completion, measureInterleaved, type Scenario } from "../bench.ts";
import { firstToken, stream } from "../client.ts";
import type { Row } from "../report.ts";
import { quantile } from "../stats.ts";
import { benchText } from "../vocabulary.ts";

/** Concurrent clients with the same long prefix. */
export const sharedPrefix: Scenario = {
  number: 3,
  title: "16 clients that share a prefix of 1,000 tokens",
  async run(bench) {
    const [count, prefix, tokens] = bench.quick ? [4, 100, 8] : [16, 1_000, 32];
    const settings = { parallel: count, context: prefix + 256, unified: false };
    let seed = 1_000;
    const values = await measureInterleaved(bench, settings, async ({ url }) => {
      const ask = (text: string) => stream(`${url}/v1/completions`, completion(text, tokens));
      await ask(benchText(16, ++seed));
      const beginning = benchText(prefix, ++seed);
      const answers = await Promise.all(
        Array.from({ length: count }, () => ask(`${beginning} ${benchText(20, ++seed)}`)),
      );
      const first = answers.map(firstToken);
      const sent = Math.min(...answers.map((answer) => answer.sent));
      return {
        first50: quantile(first, 0.5),
        first95: quantile(first, 0.95),
        wall: Math.max(...answers.map(({ times }) => times.at(-1)!)) - sent,
      };
    });
    const row = (what: string, key: string, atMost: number): Row => ({
      scenario: 3,
      what: `${count} clients, ${prefix} tokens shared: ${what}`,
      unit: "ms",
      rounds: values.get(key) ?? {},
      targets: [{ against: "llama-server", atMost }],
    });
    return [
      row("first token, p50", "first50", 0.25),
      row("first token, p95", "first95", 0.25),
      row("wall time", "wall", 0.35),
    ];
  },
};
