import { join } from "node:path";
import { completion, type Scenario } from "../bench.ts";
import { firstToken, stream } from "../client.ts";
import type { Row } from "../report.ts";
import { startShimmy } from "../programs/servers.ts";
import { benchText } from "../vocabulary.ts";

/** Time to the first token of a conversation's next turn after a restart, with its prefix on disk and without. */
export const restart: Scenario = {
  number: 11,
  title: "a conversation of 4,000 tokens that continues after a restart",
  async run({ model, program, threads, rounds, quick, say }) {
    const wanted = quick ? 200 : 4_000;
    const values = { cold: [0], disk: [0], ratio: [0] };
    for (const list of Object.values(values)) list.length = 0;
    for (let round = 1; round <= rounds; round++) {
      const folder = await Deno.makeTempDir({ prefix: "shimmy-bench-disk-" });
      try {
        const serve = (...extra: string[]) =>
          startShimmy(program, {
            ...{ model, threads, parallel: 1, context: wanted * 2 + 512, unified: false },
            extra: { shimmy: ["--lookup", "off", ...extra] },
          });
        const ask = async (url: string, text: string, tokens = 8) =>
          await stream(`${url}/v1/completions`, completion(text, tokens));
        const warmUp = (url: string, seed: number) => ask(url, benchText(16, seed));
        const cached = ["--disk-cache", "20GB", "--disk-cache-dir", join(folder, "cache")];
        const prompt = await promptOf(serve, ask, wanted, 9_000 + round);
        let next: string;
        {
          await using server = await serve(...cached);
          const { text } = await ask(server.url, prompt);
          next = `${prompt}${text} ${benchText(24, 9_100 + round)}`;
        }
        let cold: number;
        {
          await using server = await serve();
          await warmUp(server.url, 9_200 + round);
          cold = firstToken(await ask(server.url, next));
        }
        await using server = await serve(...cached);
        await warmUp(server.url, 9_300 + round);
        const disk = firstToken(await ask(server.url, next));
        values.cold.push(cold);
        values.disk.push(disk);
        values.ratio.push(disk / cold);
        say(`  round ${round}: cold ${cold.toFixed(1)} ms, from disk ${disk.toFixed(1)} ms`);
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    }
    const row = (what: string, unit: string, shimmy: readonly number[], atMost?: number): Row => ({
      scenario: 11,
      what: `${wanted} tokens, next turn after a restart: ${what}`,
      unit,
      rounds: { shimmy },
      targets: atMost === undefined ? [] : [{ against: null, atMost }],
    });
    return [
      row("first token, computed", "ms", values.cold),
      row("first token, from disk", "ms", values.disk),
      row("from disk over computed", "x", values.ratio, 0.1),
    ];
  },
};

/** A prompt of about so many tokens. A word is a token of the random model, and up to three of others. */
async function promptOf(
  serve: () => ReturnType<typeof startShimmy>,
  ask: (url: string, text: string, tokens?: number) => ReturnType<typeof stream>,
  tokens: number,
  seed: number,
): Promise<string> {
  await using server = await serve();
  const sample = await ask(server.url, benchText(100, seed), 1);
  return benchText(Math.floor(tokens * 100 / sample.promptTokens), seed);
}
