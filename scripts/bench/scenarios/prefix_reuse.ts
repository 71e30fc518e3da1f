import { completion, measureInterleaved, type Scenario } from "../bench.ts";
import { firstToken, stream } from "../client.ts";
import type { Row } from "../report.ts";
import { benchText } from "../vocabulary.ts";

/**
 * Time to the first token of a prompt whose tokens are in the prefix cache, all or in part. `--model` names a model
 * with another kind of memory, such as a sliding window or recurrent layers.
 */
export const prefixReuse: Scenario = {
  number: 8,
  title: "a conversation that is repeated, edited and continued",
  async run(bench) {
    const [prefix, repeats] = bench.quick ? [100, 1] : [1_200, 3];
    // A word is a token of the random model, and up to three of others.
    const settings = { parallel: 4, context: 3 * prefix + 512, unified: false };
    let seed = 8_000;
    const values = await measureInterleaved(bench, settings, async ({ url }) => {
      const ask = (text: string, tokens = 8) =>
        stream(`${url}/v1/completions`, completion(text, tokens));
      await ask(benchText(16, ++seed));
      const times = { cold: [0], again: [0], branch: [0], turn: [0] };
      for (const list of Object.values(times)) list.length = 0;
      for (let repeat = 0; repeat < repeats; repeat++) {
        const prompt = `${benchText(prefix, ++seed)} ${benchText(16, ++seed)}`;
        const first = await ask(prompt);
        times.cold.push(firstToken(first));
        times.again.push(firstToken(await ask(prompt)));
        // A different end after nine tenths of the prompt.
        const kept = prompt.slice(0, Math.floor(prompt.length * 0.9));
        await ask(`${kept} ${benchText(16, ++seed)}`);
        times.branch.push(firstToken(await ask(`${kept} ${benchText(16, ++seed)}`)));
        const next = `${prompt}${first.text} ${benchText(24, ++seed)}`;
        times.turn.push(firstToken(await ask(next)));
      }
      const best = (list: readonly number[]) => Math.min(...list);
      return {
        cold: best(times.cold),
        again: best(times.again),
        branch: best(times.branch),
        turn: best(times.turn),
      };
    });
    const row = (what: string, key: string, target = true): Row => ({
      scenario: 8,
      what: `${prefix} words: ${what}`,
      unit: "ms",
      rounds: values.get(key) ?? {},
      ...(target ? { targets: [{ against: "llama-server", atMost: 1 }] } : { targets: [] }),
    });
    return [
      row("first token, cold", "cold", false),
      row("first token, the same prompt again", "again"),
      row("first token, another end", "branch"),
      row("first token, the next turn", "turn"),
    ];
  },
};
