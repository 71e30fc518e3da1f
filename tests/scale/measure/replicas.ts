/**
 * Measures time to first token and cache hits of three replicas behind HAProxy: selected by the beginning of a
 * conversation, and in turns. Both runs get the same requests at the same times.
 *
 *     deno task measure:replicas [--model FILE] [--seconds N] [--seed N] [--json FILE]
 *
 * The figures are meaningful on an idle machine only.
 */
import { median } from "../../../scripts/bench/stats.ts";
import { table } from "../../../scripts/docs/markdown.ts";
import {
  type RunSummary,
  summarize,
  SUMMARY_HEAD,
  summaryCells,
} from "../../../scripts/simulate/report.ts";
import type { TraceRequest } from "../../../scripts/simulate/trace.ts";
import { Cluster, inTurns } from "../cluster.ts";
import { complete, vocabularyOf } from "./client.ts";
import { runMeasurement, writeJson } from "./options.ts";
import { replay } from "./replay.ts";
import { setUp } from "./setup.ts";
import { LENGTHS, traceFor } from "./workload.ts";

/** Seconds in which the requests of each run come. */
const SECONDS = 45;
/** Part of the time in which the cores are busy, about, if nothing is cached. */
const LOAD = 0.5;

const RUNS = [["by the beginning", (config: string) => config], ["in turns", inTurns]] as const;

/** Milliseconds of a request on an idle replica. */
async function requestMs(url: string, vocabulary: readonly number[]): Promise<number> {
  const times: number[] = [];
  for (let run = 0; run < 4; run++) {
    const prompt = Array.from(
      { length: LENGTHS.input },
      (_, at) => vocabulary[(at * (run + 3)) % vocabulary.length]!,
    );
    const { sentAt, endedAt } = await complete(url, prompt, LENGTHS.output);
    times.push(endedAt - sentAt);
  }
  // The first one also warms the server up.
  return median(times.slice(1));
}

await runMeasurement(import.meta.url, SECONDS, async (options) => {
  const { args, facts } = await setUp(options.model ?? undefined);
  const { seconds, seed } = options;
  let trace: TraceRequest[] | null = null;
  const runs: (RunSummary & { readonly selection: string })[] = [];
  for (const [selection, edit] of RUNS) {
    await using cluster = await Cluster.start({ args, edit });
    const vocabulary = await vocabularyOf(cluster.urlOf("a"));
    const alone = [];
    for (const name of cluster.names) alone.push(await requestMs(cluster.urlOf(name), vocabulary));
    const machines = Math.min(cluster.names.length, navigator.hardwareConcurrency);
    trace ??= traceFor({ requestMs: median(alone), machines, load: LOAD, seconds, seed });
    const target = { url: cluster.url, vocabulary, replicas: cluster.names };
    runs.push({ selection, ...summarize((await replay(trace, target)).served) });
  }
  console.log(`${facts.model}, ${facts.machine}, ${trace!.length} requests\n`);
  console.log(table(
    ["replicas are selected", ...SUMMARY_HEAD],
    runs.map((run) => [run.selection, ...summaryCells(run)]),
  ));
  await writeJson(options, { ...facts, requests: trace!.length, runs });
  return 0;
});
