/**
 * Sends hostile input to the product and reports what it handles wrongly.
 *
 *     deno task fuzz [--minutes N] [--seed N] [--only NAME] [--save FOLDER] [--replay FILE]
 *
 * The minutes are divided among the targets. Each finding is made smaller and saved as a file. The
 * status is 1 if there is a finding. `--replay` runs the cases of a file again.
 */
import { parseArgs } from "@std/cli/parse-args";
import { explore, type Outcome } from "./explore.ts";
import { readFinding, saveFinding } from "./finding.ts";
import { replay } from "./replay.ts";
import { TARGETS } from "./targets/mod.ts";

const USAGE =
  "deno task fuzz [--minutes N] [--seed N] [--only NAME] [--save FOLDER] [--replay FILE]";
const OPTIONS = ["minutes", "seed", "only", "save", "replay"];

async function main(args: readonly string[]): Promise<number> {
  const { _: rest, ...given } = parseArgs([...args], { string: OPTIONS });
  const unknown = Object.keys(given).find((name) => !OPTIONS.includes(name)) ?? rest[0];
  if (unknown !== undefined) return fail(`unknown argument ${unknown}`);
  const { minutes = "2", seed, only, save = "fuzz-findings", replay: file } = given as Readonly<
    Record<string, string | undefined>
  >;
  if (file !== undefined) return await replayFile(file);
  const targets = TARGETS.filter(({ name }) => only === undefined || name === only);
  if (targets.length === 0) {
    return fail(`--only: must be one of ${TARGETS.map(({ name }) => name).join(", ")}`);
  }
  const each = number("--minutes", minutes) * 60_000 / targets.length;
  const first = seed === undefined ? Date.now() % 2 ** 31 : number("--seed", seed);
  console.log(`seed ${first}`);
  let findings = 0;
  for (const target of targets) {
    const outcome = await explore(target, { seed: first, milliseconds: each });
    await print(target.name, outcome, save);
    findings += outcome.findings.length;
  }
  return findings === 0 ? 0 : 1;
}

async function print(name: string, { cases, findings, seconds }: Outcome, folder: string) {
  console.log(
    `${name.padEnd(12)} ${String(cases).padStart(7)} cases  ${findings.length} findings  ` +
      `${seconds.toFixed(0)} s`,
  );
  for (const finding of findings) {
    const path = await saveFinding(folder, finding);
    console.log(`  ${finding.problem.kind}: ${finding.problem.message.slice(0, 300)}\n    ${path}`);
  }
}

async function replayFile(file: string): Promise<number> {
  const problem = await replay(await readFinding(file));
  console.log(problem === null ? "no problem" : `${problem.kind}: ${problem.message}`);
  return problem === null ? 0 : 1;
}

function number(option: string, text: string): number {
  const value = Number(text);
  return value > 0 ? value : fail(`${option}: must be a number above 0, not '${text}'`);
}

function fail(message: string): never {
  console.error(`${message}\n${USAGE}`);
  Deno.exit(2);
}

if (import.meta.main) Deno.exit(await main(Deno.args));
