import { completion, type Figures, measureInterleaved, type Scenario } from "../bench.ts";
import { firstToken, stream, timePerToken } from "../client.ts";
import type { Server } from "../programs/servers.ts";
import { benchText } from "../vocabulary.ts";

/** Tokens of the context at which decoding is measured. */
const LENGTHS = [512, 2_048, 8_192, 32_768];
const QUICK_LENGTHS = [64, 256];

/** Cost of a token as the context grows. */
export const contextGrowth: Scenario = {
  number: 9,
  title: "time per token as the context grows",
  async run(bench) {
    const lengths = bench.quick ? QUICK_LENGTHS : LENGTHS;
    const tokens = bench.quick ? 8 : 32;
    const settings = {
      parallel: 1,
      context: lengths.at(-1)! + tokens + 8,
      unified: false,
    };
    const measure = async ({ url }: Server): Promise<Figures> => {
      const figures: Record<string, number> = {};
      await stream(`${url}/v1/completions`, completion(benchText(16, 1), 4));
      for (const length of lengths) {
        const answer = await stream(
          `${url}/v1/completions`,
          completion(benchText(length - 1, length), tokens),
        );
        figures[`first ${length}`] = firstToken(answer);
        figures[`each ${length}`] = timePerToken(answer);
      }
      return figures;
    };
    const values = await measureInterleaved(bench, settings, measure);
    return lengths.flatMap((length) => [
      {
        scenario: 9,
        what: `${length} tokens: time per output token`,
        unit: "ms",
        rounds: values.get(`each ${length}`) ?? {},
        targets: [{ against: "llama-server" as const, atMost: 1 }],
      },
      {
        scenario: 9,
        what: `${length} tokens: first token`,
        unit: "ms",
        rounds: values.get(`first ${length}`) ?? {},
      },
    ]);
  },
};
