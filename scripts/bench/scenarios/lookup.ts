import { completion, inTurns, type Scenario } from "../bench.ts";
import { decodeRate, stream } from "../client.ts";
import type { Column, Row } from "../report.ts";
import { offersOption } from "../servers.ts";
import { benchText } from "../vocabulary.ts";

/** How each server's lookup speculation is switched on; both leave it off without. */
const ON: Partial<Record<Column, readonly string[]>> = {
  shimmy: ["--lookup"],
  "llama-server": ["--spec-type", "ngram-simple"],
};

/** Prompts that repeat themselves, with the answer likely to go on so. */
export const lookup: Scenario = {
  number: 7,
  title: "copy-heavy prompts with lookup speculation on and off",
  async run(bench) {
    if (!await offersOption(bench.program, ON.shimmy![0]!)) {
      bench.say("  left out: this build of Shimmy has no lookup speculation");
      return [];
    }
    const tokens = bench.quick ? 32 : 256;
    const passage = benchText(48, 7_000);
    const prompt = Array.from({ length: 6 }, () => passage).join(" ");
    const measure = async (extra: Partial<Record<Column, readonly string[]>>) => {
      const settings = { parallel: 1, context: 1_024, unified: false, extra };
      return await inTurns(bench, settings, async ({ url }) => {
        const ask = () => stream(`${url}/v1/completions`, completion(prompt, tokens));
        await ask();
        const answer = await ask();
        return { rate: decodeRate(answer) };
      });
    };
    const off = await measure({});
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
