/**
 * Compares the predictions of `deno task simulate` with real runs of one and of three replicas behind HAProxy on
 * this machine. First measures the times of batches, then replays traces in real time. Each replica has one
 * thread; three of them share the cores.
 *
 *     deno task simulate:validate [--model FILE] [--seconds N] [--seed N] [--json FILE]
 *
 * Batches are timed before and after each run. A run before or after which the machine had another speed than at
 * most runs of its scenario does not count. The figures are means of some runs, because two runs of the same trace
 * differ too; those of the predictions are means at speeds around the median of all, because small differences
 * change which requests meet. The status is 1 if one differs by more than 15 %, except for the 95th
 * percentile, or if too many runs do not count. The figures are meaningful on an idle machine only.
 */
import { median } from "../../../scripts/bench/stats.ts";
import { table } from "../../../scripts/docs/markdown.ts";
import type { PolicyName } from "../../../scripts/simulate/policies.ts";
import { type RunSummary, summarize } from "../../../scripts/simulate/report.ts";
import { type ServedRequest, simulate } from "../../../scripts/simulate/simulate.ts";
import {
  type BatchTimes,
  slowdownOf,
  slower,
  type Slowness,
} from "../../../scripts/simulate/timings.ts";
import type { TraceRequest } from "../../../scripts/simulate/trace.ts";
import { Cluster, inTurns } from "../cluster.ts";
import { complete, vocabularyOf } from "./client.ts";
import { relativeTimes } from "./machine_speed.ts";
import { measureReplicas, timesTables } from "./measure_batches.ts";
import { type MeasureOptions, runMeasurement, writeJson } from "./options.ts";
import { replay } from "./replay.ts";
import { setUp } from "./setup.ts";
import { LENGTHS, traceFor } from "./workload.ts";

/** Seconds in which the requests of each run come. */
const SECONDS = 40;
const MOST_DIFFERENCE = 0.15;
/** A batch before and after a run that counts differs at most by this factor from its time at the median speed. */
const MOST_CHANGE = 1.25;
/** The times of batches in predictions, as multiples of those at the median speed. */
const AROUND = [0.9, 0.95, 1, 1.05, 1.1];
/** Runs of a scenario that have to count, and all runs of it, at most. */
const STEADY_RUNS = 3;
const MOST_RUNS = 6;
/** Requests to each replica before a run: the first ones take longer, because their code is not compiled. */
const WARM_UP = 20;

interface Scenario {
  readonly name: string;
  readonly replicas: number;
  readonly isInTurns: boolean;
  /** Part of the time in which the replicas are busy, about, if conversations are cached as with one replica. */
  readonly load: number;
  /** Where the hash of the proxy decides, the prediction takes over where each request went. */
  readonly policy: PolicyName;
}

const SCENARIOS: readonly Scenario[] = [
  { name: "1 replica", replicas: 1, isInTurns: true, load: 0.3, policy: "round-robin" },
  // Much less is cached. Where replicas are nearly always busy, two runs of a trace differ by half.
  { name: "3 replicas, in turns", replicas: 3, isInTurns: true, load: 0.15, policy: "round-robin" },
  { name: "3 replicas, sticky", replicas: 3, isInTurns: false, load: 0.3, policy: "recorded" },
];

/** The compared figures of a summary. */
const FIGURES = [
  ["first token, mean, ms", "firstTokenMean"],
  ["first token, p50, ms", "firstTokenP50"],
  ["tokens/s", "tokensPerSecond"],
  ["prompt tokens cached", "cacheHitRate"],
] as const satisfies readonly (readonly [string, keyof RunSummary])[];

/** A figure that is shown and not judged: a few requests decide it, and it differs by a third between equal runs. */
const SHOWN = [...FIGURES, ["first token, p95, ms", "firstTokenP95"]] as const;

/** A run of a scenario with real servers. */
interface Run {
  readonly scenario: Scenario;
  /** Times of batches before and after the run, as multiples of the measured ones. */
  readonly speeds: readonly [before: Slowness, after: Slowness];
  /** The trace with the replica of each request. */
  readonly recorded: readonly TraceRequest[];
  /** The requests by the time at which they were sent. */
  readonly served: readonly ServedRequest[];
}

/** A run and its predictions. */
interface Comparison {
  readonly run: Run;
  readonly predicted: readonly RunSummary[];
  readonly measured: RunSummary;
}

/** Their prompts are short, so that the caches keep nothing of them that a run has to save. */
async function warmUp(url: string, vocabulary: readonly number[]): Promise<void> {
  for (let at = 0; at < WARM_UP; at++) await complete(url, vocabulary.slice(at, at + 40), 20);
}

const KINDS = ["prefill", "decode"] as const;

/** The median time of batches before and after runs, as multiples of the measured ones. */
function medianSpeed(runs: readonly Run[]): Slowness {
  const speeds = runs.flatMap(({ speeds }) => speeds);
  return {
    prefill: median(speeds.map(({ prefill }) => prefill)),
    decode: median(speeds.map(({ decode }) => decode)),
  };
}

/** Whether the machine had about this speed before and after a run. */
const hasSpeed = ({ speeds }: Run, usual: Slowness) =>
  speeds.every((speed) =>
    KINDS.every((kind) =>
      Math.max(speed[kind] / usual[kind], usual[kind] / speed[kind]) <= MOST_CHANGE
    )
  );

/** Those of the runs of a scenario that count. */
function steadyOf(runs: readonly Run[]): Run[] {
  const usual = medianSpeed(runs);
  return runs.filter((run) => hasSpeed(run, usual));
}

/** Runs of a scenario until enough of them count. */
async function runsOf(scenario: Scenario, means: RunMeans): Promise<Run[]> {
  const runs: Run[] = [];
  while (runs.length < MOST_RUNS && (runs.length === 0 || steadyOf(runs).length < STEADY_RUNS)) {
    const run = await runOnce(scenario, means);
    runs.push(run);
    console.log(`${report([compare(run, means.times, medianSpeed([run]))])}\n`);
  }
  return runs;
}

/** What runs are made with. */
interface RunMeans {
  readonly times: BatchTimes;
  /** Arguments of the replicas. */
  readonly args: readonly string[];
  readonly options: MeasureOptions;
}

async function runOnce(scenario: Scenario, { times, args, options }: RunMeans): Promise<Run> {
  const { replicas, isInTurns, load } = scenario;
  const { seconds, seed } = options;
  const alone = { timestamp: 0, input_length: LENGTHS.input, output_length: LENGTHS.output };
  const [lone] = simulate([alone], times, 1, "round-robin");
  const trace = traceFor({
    ...{ requestMs: lone!.endedAt, load, seconds, seed },
    machines: replicas / slowdownOf(times, replicas),
  });
  await using cluster = await Cluster.start({
    ...{ replicas, args },
    ...(isInTurns ? { edit: inTurns } : {}),
  });
  const vocabulary = await vocabularyOf(cluster.urlOf("a"));
  await Promise.all(cluster.names.map((name) => warmUp(cluster.urlOf(name), vocabulary)));
  const target = { url: cluster.url, vocabulary, replicas: cluster.names };
  const speed = () => relativeTimes(cluster.urlOf("a"), vocabulary, times);
  const before = await speed();
  const { served, recorded } = await replay(trace, target);
  const after = await speed();
  return {
    ...{ scenario, recorded, speeds: [before, after] },
    served: served.toSorted((a, b) => a.sentAt - b.sentAt),
  };
}

function compare(run: Run, times: BatchTimes, { prefill, decode }: Slowness): Comparison {
  const { recorded, served, scenario: { replicas, policy } } = run;
  const predicted = AROUND.map((factor) => {
    const speed = { prefill: prefill * factor, decode: decode * factor };
    return summarize(simulate(recorded, slower(times, speed), replicas, policy));
  });
  return { run, predicted, measured: summarize(served) };
}

/** The mean of a figure over some runs. */
const meanOf = (summaries: readonly RunSummary[], figure: keyof RunSummary) =>
  summaries.reduce((sum, summary) => sum + summary[figure], 0) / summaries.length;

/** A predicted figure against the measured one, both as means of some runs. */
function compared(runs: readonly Comparison[], figure: keyof RunSummary) {
  const predicted = meanOf(runs.flatMap(({ predicted }) => predicted), figure);
  const measured = meanOf(runs.map(({ measured }) => measured), figure);
  const difference = measured === 0 ? Math.abs(predicted) : predicted / measured - 1;
  return { predicted, measured, difference };
}

function report(runs: readonly Comparison[]): string {
  const { run: { scenario }, measured } = runs[0]!;
  const show = (figure: keyof RunSummary, value: number) =>
    figure === "cacheHitRate"
      ? `${(value * 100).toFixed(1)} %`
      : value.toFixed(figure === "tokensPerSecond" ? 1 : 0);
  const rows = SHOWN.map(([name, figure]) => {
    const { predicted, measured, difference } = compared(runs, figure);
    return [
      ...[name, show(figure, predicted), show(figure, measured)],
      `${(difference * 100).toFixed(1)} %`,
    ];
  });
  const count = runs.length === 1 ? "" : `, ${runs.length} runs`;
  const head = [
    `${scenario.name}, ${measured.requests} requests${count}`,
    "predicted",
    "measured",
    "difference",
  ];
  const speeds = KINDS.map((kind) => {
    const list = runs.map(({ run: { speeds: [before, after] } }) =>
      `${before[kind].toFixed(2)} and ${after[kind].toFixed(2)}`
    );
    return `${kind} ${list.join(", ")}`;
  });
  return `${table(head, rows)}\n\nTimes as long as measured that batches took, before and after: ` +
    `${speeds.join("; ")}.`;
}

if (import.meta.main) {
  await runMeasurement(import.meta.url, SECONDS, async (options) => {
    const setup = await setUp(options.model ?? undefined);
    const times = await measureReplicas(setup);
    console.log(`${times.model}, ${times.machine}\n\n${timesTables(times)}\n`);
    const means = { times, args: setup.args, options };
    const runs: Run[][] = [];
    for (const scenario of SCENARIOS) {
      runs.push(await runsOf(scenario, means));
      await writeJson(options, { times, runs: runs.flat() });
      if (steadyOf(runs.at(-1)!).length < STEADY_RUNS) {
        console.log(`${scenario.name}: the machine had another speed in too many runs.`);
        return 1;
      }
    }
    const usual = medianSpeed(runs.flat());
    const differences: number[] = [];
    console.log("Means of the runs that count, predicted at speeds around the median of all:\n");
    for (const ofScenario of runs) {
      const comparisons = steadyOf(ofScenario).map((run) => compare(run, times, usual));
      console.log(`${report(comparisons)}\n`);
      differences.push(...FIGURES.map(([, figure]) => compared(comparisons, figure).difference));
    }
    const worst = Math.max(...differences.map(Math.abs));
    console.log(`The largest difference is ${(worst * 100).toFixed(1)} %`);
    return worst <= MOST_DIFFERENCE ? 0 : 1;
  });
}
