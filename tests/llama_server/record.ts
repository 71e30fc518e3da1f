/**
 * Runs llama.cpp's tests of its server and writes the table `results.txt`.
 *
 *     deno task test:llama-server:record
 *
 * `--from FILE` reads the outcomes of an earlier run from a file, one JSON object a line.
 */
import { parseArgs } from "node:util";
import { REASONS } from "./reasons.ts";
import { NOT_RUN, runAll } from "./selection.ts";
import { listTests, type TestOutcome } from "./suite.ts";
import { formatTable, type Line, lineOf, summary } from "./table.ts";

const TABLE = new URL("results.txt", import.meta.url);

const SLOW = "not run: the suite marks it as slow, it needs a model of several GB";

/** The outcomes of earlier runs; the last one of a test counts. */
async function readOutcomes(files: readonly string[]): Promise<TestOutcome[]> {
  const texts = await Promise.all(files.map((file) => Deno.readTextFile(file)));
  const outcomes = texts.join("").split("\n").filter((line) => line !== "")
    .map((line) => JSON.parse(line) as TestOutcome);
  return [...new Map(outcomes.map((outcome) => [outcome.id, outcome])).values()];
}

function fileOf(id: string): string {
  return id.slice(0, id.indexOf("::"));
}

const { values } = parseArgs({ options: { from: { type: "string", multiple: true } } });
const all = await listTests([]);
const quick = new Set(await listTests(["-m", "not slow"]));
const outcomes = values.from === undefined
  ? await runAll(({ id, outcome }) => console.error(`${outcome} ${id}`))
  : await readOutcomes(values.from);
const ran = new Map(outcomes.map((outcome) => [outcome.id, lineOf(outcome, REASONS)]));
const lines = all.map((id): Line => {
  const notRun = NOT_RUN[fileOf(id)];
  if (notRun !== undefined) return { id, status: "not applicable", reason: notRun };
  const line = ran.get(id);
  if (line !== undefined) return line;
  return quick.has(id)
    ? { id, status: "fail", reason: "it has not run" }
    : { id, status: "not comparable", reason: SLOW };
});
await Deno.writeTextFile(TABLE, formatTable(lines));
console.error(summary(lines));
