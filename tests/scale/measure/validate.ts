/**
 * Compares the predictions of `deno task simulate` with real runs of one and of three replicas behind HAProxy on
 * this machine. First measures the times of batches, then replays traces in real time. Each replica has one
 * thread; three of them share the cores.
 *
 *     deno task simulate:validate [--model FILE] [--seconds N] [--seed N] [--json FILE]
 *
 * Batches are timed before and after each run: the prediction has the speed between both, and a run in which the
 * machine's speed changed does not count. The figures are means of some runs, because two runs of the same trace
 * differ too. The status is 1 if one differs by more than 15 %, except for the 95th percentile, or if the speed
 * changed in too many runs. The figures are meaningful on an idle machine only.
 */
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
/** Times as long as before a batch takes after a run at which the machine was steady, at most; and the other way. */
const MOST_CHANGE = 1.25;
/** Runs of a scenario at which the machine has to be steady, and runs in which it may be, at most. */
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

interface Comparison {
  readonly scenario: string;
  readonly predicted: RunSummary;
  readonly measured: RunSummary;
  /** Times of batches before and after the run, as multiples of the measured ones. */
  readonly batchTimes: readonly [before: Slowness, after: Slowness];
  /** The requests by the time at which they were sent. */
  readonly requests: {
    readonly predicted: readonly ServedRequest[];
    readonly measured: readonly ServedRequest[];
  };
}

/** Their prompts are short, so that the caches keep nothing of them that a run has to save. */
async function warmUp(url: string, vocabulary: readonly number[]): Promise<void> {
  for (let at = 0; at < WARM_UP; at++) await complete(url, vocabulary.slice(at, at + 40), 20);
}

const KINDS = ["prefill", "decode"] as const;

/** Whether batches took about as long before a run as after it. */
const isSteady = ({ batchTimes: [before, after] }: Comparison) =>
  KINDS.every((kind) =>
    Math.max(before[kind] / after[kind], after[kind] / before[kind]) <= MOST_CHANGE
  );

/** Runs a scenario until there are enough runs in which the machine's speed did not change. */
async function compareSteadily(
  say: (line: string) => void,
  ...scenario: Parameters<typeof compare>
): Promise<Comparison[]> {
  const runs: Comparison[] = [];
  while (runs.length < MOST_RUNS && runs.filter(isSteady).length < STEADY_RUNS) {
    const run = await compare(...scenario);
    runs.push(run);
    say(`${report([run])}${isSteady(run) ? "" : " Its speed changed: the run does not count."}\n`);
  }
  return runs;
}

async function compare(
  scenario: Scenario,
  times: BatchTimes,
  args: readonly string[],
  { seconds, seed }: MeasureOptions,
): Promise<Comparison> {
  const { replicas, isInTurns, load, policy } = scenario;
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
  const batchTimes = () => relativeTimes(cluster.urlOf("a"), vocabulary, times);
  const before = await batchTimes();
  const { served, recorded } = await replay(trace, target);
  const after = await batchTimes();
  const during = {
    prefill: (before.prefill + after.prefill) / 2,
    decode: (before.decode + after.decode) / 2,
  };
  const predicted = simulate(recorded, slower(times, during), replicas, policy);
  const bySending = (requests: readonly ServedRequest[]) =>
    requests.toSorted((a, b) => a.sentAt - b.sentAt);
  return {
    scenario: scenario.name,
    predicted: summarize(predicted),
    measured: summarize(served),
    batchTimes: [before, after],
    requests: { predicted: bySending(predicted), measured: bySending(served) },
  };
}

/** The mean of a figure over some runs. */
const meanOf = (summaries: readonly RunSummary[], figure: keyof RunSummary) =>
  summaries.reduce((sum, summary) => sum + summary[figure], 0) / summaries.length;

/** A predicted figure against the measured one, both as means of some runs. */
function compared(runs: readonly Comparison[], figure: keyof RunSummary) {
  const predicted = meanOf(runs.map(({ predicted }) => predicted), figure);
  const measured = meanOf(runs.map(({ measured }) => measured), figure);
  const difference = measured === 0 ? Math.abs(predicted) : predicted / measured - 1;
  return { predicted, measured, difference };
}

function report(runs: readonly Comparison[]): string {
  const { scenario, measured } = runs[0]!;
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
    `${scenario}, ${measured.requests} requests${count}`,
    "predicted",
    "measured",
    "difference",
  ];
  const speeds = KINDS.map((kind) => {
    const list = runs.map(({ batchTimes: [before, after] }) =>
      `${before[kind].toFixed(2)} and ${after[kind].toFixed(2)}`
    );
    return `${kind} ${list.join(", ")}`;
  });
  return `${table(head, rows)}\n\nTimes as long as measured that batches took, before and after: ` +
    `${speeds.join("; ")}.`;
}

if (import.meta.main) {
  await runMeasurement(SECONDS, async (options) => {
    const setup = await setUp(options.model ?? undefined);
    const times = await measureReplicas(setup);
    console.log(`${times.model}, ${times.machine}\n\n${timesTables(times)}\n`);
    const all: Comparison[] = [];
    const reports: string[] = [];
    const differences: number[] = [];
    for (const scenario of SCENARIOS) {
      const runs = await compareSteadily(console.log, scenario, times, setup.args, options);
      all.push(...runs);
      await writeJson(options, { times, comparisons: all });
      const steady = runs.filter(isSteady);
      if (steady.length < STEADY_RUNS) {
        console.log(`${scenario.name}: the machine's speed changed in too many runs.`);
        return 1;
      }
      reports.push(report(steady));
      differences.push(...FIGURES.map(([, figure]) => compared(steady, figure).difference));
    }
    console.log(`Means of the runs at which the machine was steady:\n\n${reports.join("\n\n")}\n`);
    const worst = Math.max(...differences.map(Math.abs));
    console.log(`The largest difference is ${(worst * 100).toFixed(1)} %`);
    return worst <= MOST_DIFFERENCE ? 0 : 1;
  });
}
