/**
 * Predicts time to first token, throughput and cache hits of replicas from an arrival trace and measured
 * batch times; docs/scale.md describes it.
 *
 *     deno task simulate --times FILE [--trace FILE] [--replicas 1,2,3] [--policy NAME,NAME]
 *       [--conversations N --rate N --turns N --input N --output N --spread N --pause N --limit N --seed N]
 *       [--write-trace FILE] [--json FILE]
 */
import { fileReason } from "../../src/errors.ts";
import { table } from "../docs/markdown.ts";
import { generateTrace } from "./generate.ts";
import { parseSimulateOptions } from "./options.ts";
import { summarize, SUMMARY_HEAD, summaryCells } from "./report.ts";
import { simulate } from "./simulate.ts";
import { parseTimes } from "./timings.ts";
import { formatTrace, parseTrace } from "./trace.ts";

async function main(args: readonly string[]): Promise<void> {
  const options = parseSimulateOptions(args);
  const times = parseTimes(await readInput("--times", options.times));
  const trace = options.trace === null
    ? generateTrace(options.workload)
    : parseTrace(await readInput("--trace", options.trace));
  if (options.writeTrace !== null) await Deno.writeTextFile(options.writeTrace, formatTrace(trace));
  const runs = options.replicas.flatMap((replicas) =>
    // One replica gets everything, whatever the policy.
    (replicas === 1 ? options.policies.slice(0, 1) : options.policies).map((policy) => ({
      ...{ replicas, policy: replicas === 1 ? "-" : policy },
      ...summarize(simulate(trace, times, replicas, policy)),
    }))
  );
  console.log(`${times.model}, ${times.machine}, ${trace.length} requests\n`);
  console.log(table(
    ["replicas", "policy", ...SUMMARY_HEAD],
    runs.map((run) => [`${run.replicas}`, run.policy, ...summaryCells(run)]),
  ));
  if (options.json !== null) {
    const { model, machine } = times;
    const record = { model, machine, requests: trace.length, runs };
    await Deno.writeTextFile(options.json, `${JSON.stringify(record, null, 1)}\n`);
  }
}

/** @throws {TypeError} naming the option, if the file cannot be read. */
async function readInput(option: string, path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (cause) {
    throw new TypeError(`${option}: cannot read ${path}: ${fileReason(cause)}`, { cause });
  }
}

if (import.meta.main) {
  try {
    await main(Deno.args);
  } catch (error) {
    if (
      !(error instanceof TypeError || error instanceof RangeError || error instanceof SyntaxError)
    ) {
      throw error;
    }
    console.error(error.message);
    Deno.exit(2);
  }
}
