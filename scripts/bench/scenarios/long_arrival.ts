import { completion, measureInterleaved, type Scenario } from "../bench.ts";
import { firstToken, gaps, stream } from "../client.ts";
import { quantile } from "../stats.ts";
import { benchText } from "../vocabulary.ts";

/** Default maximum prompt tokens of one step. */
const CHUNK = 512;

/** A long prompt that arrives while other sequences decode. */
export const longArrival: Scenario = {
  number: 4,
  title: "a long prompt amid 8 streams",
  async run(bench) {
    const [streams, prompt, tokens, before] = bench.quick ? [2, 300, 24, 4] : [8, 3_000, 200, 24];
    const settings = { parallel: streams + 1, context: prompt + 128, unified: false };
    let seed = 2_000;
    const values = await measureInterleaved(bench, settings, async ({ url }) => {
      const ask = (words: number, count: number, onToken?: (count: number) => void) =>
        stream(`${url}/v1/completions`, completion(benchText(words, ++seed), count), onToken);
      await ask(16, 4);
      const chunk = firstToken(await ask(Math.min(CHUNK, prompt), 1));
      const under = Array.from({ length: streams }, () => {
        const { promise, resolve } = Promise.withResolvers<void>();
        const answer = ask(16, tokens, (count) => count >= before && resolve());
        return { answer, running: promise };
      });
      // An answer that fails early also ends the wait.
      await Promise.race([
        Promise.all(under.map(({ running }) => running)),
        Promise.all(under.map(({ answer }) => answer)),
      ]);
      const arrived = performance.now();
      const long = await ask(prompt, 2);
      const others = await Promise.all(under.map(({ answer }) => answer));
      const until = long.times[0]!;
      const during = others.flatMap((answer) =>
        gaps(answer).filter((_, index) =>
          answer.times[index + 1]! > arrived && answer.times[index]! < until
        )
      );
      const usual = others.flatMap((answer) =>
        gaps(answer).filter((_, index) => answer.times[index + 1]! <= arrived)
      );
      const worst = Math.max(0, ...during);
      return {
        worst,
        usual: quantile(usual, 0.5),
        chunks: worst / chunk,
        first: firstToken(long),
      };
    });
    const what = (rest: string) => `${prompt} tokens amid ${streams} streams: ${rest}`;
    const rounds = (key: string) => values.get(key) ?? {};
    return [
      { scenario: 4, what: what("worst gap of others"), unit: "ms", rounds: rounds("worst") },
      {
        scenario: 4,
        what: what(`worst gap over a prompt of ${Math.min(CHUNK, prompt)} tokens alone`),
        unit: "ratio",
        rounds: rounds("chunks"),
        targets: [{ against: null, atMost: 1 }],
      },
      { scenario: 4, what: what("usual gap, p50"), unit: "ms", rounds: rounds("usual") },
      { scenario: 4, what: what("its first token"), unit: "ms", rounds: rounds("first") },
    ];
  },
};
