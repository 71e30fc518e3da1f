/**
 * Runs a server under mixed load while its clients, its processes, its disks and its clock fail.
 *
 *     deno task soak [--minutes N] [--seed N] [--only FAULT,FAULT] [--json FILE]
 *
 * The status is 1 if an answer was lost, if memory, handles or threads grew without bound, if a process was
 * left over, or if the server ended. Runs on Linux.
 */
import { Machine } from "../cli/machine.ts";
import { ROUND } from "./faults/mod.ts";
import { parseSoakOptions, type SoakOptions } from "./options.ts";
import { judge, tables } from "./report.ts";
import { Soak } from "./soak.ts";

const FAULTS = ROUND.flat();

async function main(args: readonly string[]): Promise<number> {
  const options = parseSoakOptions(args, FAULTS.map(({ name }) => name));
  if (Deno.build.os !== "linux") {
    console.error("The soak reads Linux's /proc and does not run on this system");
    return 1;
  }
  const print = (line: string) => console.log(line);
  const soak = await Soak.start(await Machine.start(), { seed: options.seed, print });
  {
    await using _soak = soak;
    await soak.run(groupsOf(options), options.minutes);
  }
  const verdict = judge(soak.results, soak.rests, soak.problems);
  print(`\n${tables(soak.results, verdict)}\n`);
  for (const failure of verdict.failures) print(`FAILED: ${failure}`);
  if (options.json !== null) {
    const { rests, notes } = soak;
    const record = { seed: options.seed, ...verdict, notes, rests };
    await Deno.writeTextFile(options.json, `${JSON.stringify(record, null, 1)}\n`);
  }
  print(verdict.failures.length === 0 ? "The soak passed" : "The soak failed");
  return verdict.failures.length === 0 ? 0 : 1;
}

function groupsOf({ only }: SoakOptions) {
  return only === null ? ROUND : [FAULTS.filter(({ name }) => only.includes(name))];
}

if (import.meta.main) {
  try {
    Deno.exit(await main(Deno.args));
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    console.error(error.message);
    Deno.exit(2);
  }
}
