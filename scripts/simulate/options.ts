import { parseArgs } from "node:util";
import type { Workload } from "./generate.ts";
import { POLICIES, type PolicyName } from "./policies.ts";

/** What `deno task simulate` is asked for. */
export interface SimulateOptions {
  /** File of measured batch times. */
  readonly times: string;
  /** File of a trace; null: generate one. */
  readonly trace: string | null;
  readonly workload: Workload;
  readonly replicas: readonly number[];
  readonly policies: readonly PolicyName[];
  /** File for the predictions, and file for the trace; null: none. */
  readonly json: string | null;
  readonly writeTrace: string | null;
}

/** Most that an option may be: more would be computed for days, or without an end. */
const MOST: Readonly<Record<keyof Workload | "replicas", number>> = {
  ...{ conversations: 1e6, rate: 1e6, turns: 1e4, input: 1e7, output: 1e7, spread: 10 },
  ...{ pause: 1e7, limit: 1e8, seed: 2 ** 31, replicas: 1000 },
};
/** Least that an option may be; others are above 0. */
const LEAST: Readonly<Partial<Record<keyof Workload, number>>> = { rate: 1e-6, spread: 0 };
/** Options that count. */
const WHOLE: readonly string[] = ["conversations", "seed", "replicas"];

/** The generated trace without options. */
export const DEFAULT_WORKLOAD: Workload = {
  ...{ conversations: 40, rate: 0.5, turns: 3, pause: 10 },
  ...{ input: 120, output: 60, spread: 0.6, limit: 2000, seed: 1 },
};

/**
 * Reads the command line.
 *
 * @throws {TypeError} for an unknown option or a value that is not allowed.
 */
export function parseSimulateOptions(args: readonly string[]): SimulateOptions {
  const text = { type: "string" } as const;
  const numbers = Object.keys(DEFAULT_WORKLOAD) as (keyof Workload)[];
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...{ times: text, trace: text, replicas: text, policy: text, json: text },
      "write-trace": text,
      ...Object.fromEntries(numbers.map((name) => [name, text])),
    },
  });
  const given = values as Readonly<Record<string, string | undefined>>;
  if (given.times === undefined) {
    throw new TypeError("--times: must name a file that `deno task measure:batches` wrote");
  }
  const policies = (given.policy ?? "round-robin,sticky,least-queue").split(",");
  const unknown = policies.find((name) => !Object.hasOwn(POLICIES, name));
  if (unknown !== undefined) {
    throw new TypeError(`--policy: must be some of ${Object.keys(POLICIES)}, not '${unknown}'`);
  }
  const workload = numbers.map((name) => [
    name,
    given[name] === undefined ? DEFAULT_WORKLOAD[name] : numberOf(name, given[name]),
  ]);
  return {
    times: given.times,
    trace: given.trace ?? null,
    workload: Object.fromEntries(workload),
    replicas: (given.replicas ?? "1,2,3").split(",").map((count) => numberOf("replicas", count)),
    policies: policies as PolicyName[],
    json: given.json ?? null,
    writeTrace: given["write-trace"] ?? null,
  };
}

function numberOf(name: keyof Workload | "replicas", text: string): number {
  const value = Number(text);
  const least = name === "replicas" ? undefined : LEAST[name];
  const isWhole = WHOLE.includes(name);
  const isGood = text.trim() !== "" && value <= MOST[name] &&
    (least === undefined ? value > 0 : value >= least) && (!isWhole || Number.isInteger(value));
  if (isGood) return value;
  const kind = isWhole ? "a whole number" : "a number";
  const from = least === undefined ? "above 0" : `of at least ${least}`;
  throw new TypeError(
    `--${name}: must be ${kind} ${from} and at most ${MOST[name]}, not '${text}'`,
  );
}
