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
    given[name] === undefined
      ? DEFAULT_WORKLOAD[name]
      : positive(`--${name}`, given[name], name === "spread"),
  ]);
  return {
    times: given.times,
    trace: given.trace ?? null,
    workload: Object.fromEntries(workload),
    replicas: (given.replicas ?? "1,2,3").split(",").map((count) => {
      const value = positive("--replicas", count);
      if (!Number.isInteger(value)) {
        throw new TypeError(`--replicas: must be whole numbers, not '${count}'`);
      }
      return value;
    }),
    policies: policies as PolicyName[],
    json: given.json ?? null,
    writeTrace: given["write-trace"] ?? null,
  };
}

function positive(name: string, text: string, mayBeZero = false): number {
  const value = Number(text);
  const isGood = text.trim() !== "" && Number.isFinite(value) &&
    (mayBeZero ? value >= 0 : value > 0);
  if (isGood) return value;
  throw new TypeError(
    `${name}: must be a number ${mayBeZero ? "of at least 0" : "above 0"}, not '${text}'`,
  );
}
