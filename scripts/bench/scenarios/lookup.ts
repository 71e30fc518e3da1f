import { completion, measureInterleaved, type Scenario } from "../bench.ts";
import { decodeRate, stream } from "../client.ts";
import type { Column, Row } from "../report.ts";
import { benchText } from "../vocabulary.ts";

type Extra = Partial<Record<Column, readonly string[]>>;

/** Options of each server to enable and disable prompt lookup. */
const ON: Extra = { shimmy: ["--lookup", "on"], "llama-server": ["--spec-type", "ngram-simple"] };
const OFF: Extra = { shimmy: ["--lookup", "off"], "llama-server": ["--spec-type", "none"] };

/** Repetitive prompts whose answers are likely to repeat them. */
export const lookup: Scenario = {
  number: 7,
  title: "copy-heavy prompts with lookup speculation on and off",
  async run(bench) {
    const tokens = bench.quick ? 32 : 256;
    const passage = benchText(48, 7_000);
    const prompt = Array.from({ length: 6 }, () => passage).join(" ");
    const measure = async (extra: Extra) => {
      const settings = { parallel: 1, context: 1_024, unified: false, extra };
      return await measureInterleaved(bench, settings, async ({ url }) => {
        const ask = () => stream(`${url}/v1/completions`, completion(prompt, tokens));
        await ask();
        const answer = await ask();
        return { rate: decodeRate(answer) };
      });
    };
    const off = await measure(OFF);
    const on = await measure(ON);
    const ratio: Partial<Record<Column, number[]>> = {};
    for (const column of ["shimmy", "llama-server"] as const) {
      const before = off.get("rate")?.[column];
      const after = on.get("rate")?.[column];
      if (before && after) ratio[column] = after.map((rate, round) => rate / before[round]!);
    }
    return [
      row("lookup off", "tokens/s", off.get("rate") ?? {}),
      row("lookup on", "tokens/s", on.get("rate") ?? {}),
      row("lookup on against off", "ratio", ratio),
    ];
  },
};

function row(what: string, unit: string, rounds: Row["rounds"]): Row {
  return { scenario: 7, what: `copy-heavy prompt: ${what}`, unit, rounds };
}
