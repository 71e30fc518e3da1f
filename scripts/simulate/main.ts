/**
 * Predicts time to first token, throughput and cache hits of replicas from an arrival trace and measured
 * batch times; docs/scale.md describes it.
 *
 *     deno task simulate --times FILE [--trace FILE] [--replicas 1,2,3] [--policy NAME,NAME]
 *       [--conversations N --rate N --turns N --input N --output N --spread N --pause N --limit N --seed N]
 *       [--write-trace FILE] [--json FILE]
 */
import { fileReason, messageOf } from "../../src/errors.ts";
import { table } from "../docs/markdown.ts";
import { generateTrace } from "./generate.ts";
import { DEFAULT_WORKLOAD, parseSimulateOptions } from "./options.ts";
import { POLICIES } from "./policies.ts";
import { summarize, SUMMARY_HEAD, summaryCells } from "./report.ts";
import { simulate } from "./simulate.ts";
import { parseTimes } from "./timings.ts";
import { formatTrace, parseTrace } from "./trace.ts";

const HELP = `deno task simulate --times FILE [options]

  --times FILE              measured times of batches: deno task measure:batches --json FILE
  --trace FILE              arrivals, a JSON object in each line; without it, a trace is generated
  --replicas 1,2,3          numbers of replicas
  --policy NAME,NAME        ${Object.keys(POLICIES).join(", ")}
  --json FILE               write the figures
  --write-trace FILE        write the trace

A generated trace, with its defaults:
${Object.entries(DEFAULT_WORKLOAD).map(([name, value]) => `  --${name} ${value}`).join("\n")}

docs/scale.md describes the files, the options and the figures.`;

async function main(args: readonly string[]): Promise<void> {
  if (args.includes("--help")) return console.log(HELP);
  const options = parseSimulateOptions(args);
  const times = await readInput("--times", options.times, parseTimes);
  const trace = options.trace === null
    ? generateTrace(options.workload)
    : await readInput("--trace", options.trace, parseTrace);
  if (trace.length === 0) {
    throw new RangeError("--limit: no conversation has so few tokens, so that there is no request");
  }
  // Before the computation, which may take long; an older file stays until it is complete.
  if (options.json !== null) await writeOutput("--json", options.json, "", { append: true });
  if (options.writeTrace !== null) {
    await writeOutput("--write-trace", options.writeTrace, formatTrace(trace));
  }
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
    await writeOutput("--json", options.json, `${JSON.stringify(record, null, 1)}\n`);
  }
}

/** @throws {TypeError} naming the option, if the file cannot be read or its text cannot be used. */
async function readInput<T>(
  option: string,
  path: string,
  parse: (text: string) => T,
): Promise<T> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (cause) {
    throw new TypeError(`${option}: cannot read ${path}: ${fileReason(cause)}`, { cause });
  }
  try {
    // A byte order mark is no part of the text.
    return parse(text.replace(/^\uFEFF/, ""));
  } catch (cause) {
    throw new TypeError(`${option}: ${path}: ${messageOf(cause)}`, { cause });
  }
}

/** @throws {TypeError} naming the option, if the file cannot be written. */
async function writeOutput(
  option: string,
  path: string,
  text: string,
  how: Deno.WriteFileOptions = {},
): Promise<void> {
  try {
    await Deno.writeTextFile(path, text, how);
  } catch (cause) {
    throw new TypeError(`${option}: cannot write ${path}: ${fileReason(cause)}`, { cause });
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
