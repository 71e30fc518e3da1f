/**
 * Measures Shimmy and llama.cpp's own programs with a model that is generated for the run.
 *
 *     deno task bench [--only 1,2] [--quick] [--rounds N] [--threads N] [--spare-core] [--json FILE]
 *       [--peer llama-server=PATH] [--peer-bench PATH] [--peer-batched-bench PATH]
 *       [--shimmy PATH] [--model FILE] [--type f16|q8_0|q4_0]
 *
 * `--peer-bench` names llama-bench. llama-batched-bench is in the same folder unless it is named. Missed
 * targets are reported and do not change the exit status; the status is 0 if everything ran.
 */
import { parseArgs } from "node:util";
import { dirname, join } from "node:path";
import { messageOf } from "../../src/errors.ts";
import type { Bench, Scenario } from "./bench.ts";
import { DEFAULT_SHAPE, WEIGHT_TYPES, writeModel } from "./gguf_writer.ts";
import { machine } from "./machine.ts";
import { kvBytes, QUICK_SHAPE } from "./models.ts";
import { judge, type Result, table } from "./report.ts";
import { contextGrowth } from "./scenarios/context_growth.ts";
import { longArrival } from "./scenarios/long_arrival.ts";
import { lookup } from "./scenarios/lookup.ts";
import { manyClients } from "./scenarios/many_clients.ts";
import { modelLoad } from "./scenarios/model_load.ts";
import { ownCost } from "./scenarios/own_cost.ts";
import { prefixReuse } from "./scenarios/prefix_reuse.ts";
import { restart } from "./scenarios/restart.ts";
import { sharedPrefix } from "./scenarios/shared_prefix.ts";
import { singleStream } from "./scenarios/single_stream.ts";
import { structured } from "./scenarios/structured.ts";
import { stopAll } from "./programs/servers.ts";
import { answerHelp } from "../usage.ts";
import { benchVocabulary } from "./vocabulary.ts";

const SCENARIOS: readonly Scenario[] = [
  singleStream,
  manyClients,
  sharedPrefix,
  longArrival,
  ownCost,
  structured,
  lookup,
  prefixReuse,
  contextGrowth,
  modelLoad,
  restart,
];

const VOCABULARY = 32_000;

const TEXT = { type: "string" } as const;

answerHelp(import.meta.url);
const args = (() => {
  try {
    return parseArgs({
      args: Deno.args,
      options: {
        quick: { type: "boolean" },
        "spare-core": { type: "boolean" },
        only: TEXT,
        rounds: TEXT,
        threads: TEXT,
        json: TEXT,
        peer: TEXT,
        "peer-bench": TEXT,
        "peer-batched-bench": TEXT,
        shimmy: TEXT,
        model: TEXT,
        type: TEXT,
      },
    }).values;
  } catch (error) {
    return fail(messageOf(error));
  }
})();

function fail(what: string): never {
  console.error(`bench: ${what}`);
  Deno.exit(2);
}

function count(name: "rounds" | "threads", fallback: number): number {
  const given = args[name];
  if (given === undefined) return fallback;
  return /^\d{1,4}$/.test(given) ? Number(given) : fail(`--${name}: must be a whole number`);
}

function scenarios(): readonly Scenario[] {
  if (args.only === undefined) return SCENARIOS;
  return args.only.split(",").map((number) =>
    SCENARIOS.find((scenario) => String(scenario.number) === number) ??
      fail(`--only: there is no scenario ${number}`)
  );
}

function peer(): string | null {
  if (args.peer === undefined) return null;
  const [name, path] = args.peer.split("=", 2);
  if (name !== "llama-server" || !path) return fail("--peer: must be llama-server=PATH");
  return path;
}

const quick = args.quick === true;
const spareCore = args["spare-core"] === true;
const type = WEIGHT_TYPES.find((name) => name === (args.type ?? "q4_0")) ??
  fail(`--type: must be one of ${WEIGHT_TYPES.join(", ")}`);
const shape = { ...(quick ? QUICK_SHAPE : DEFAULT_SHAPE), type };
const peerBench = args["peer-bench"] ?? null;
const chosen = scenarios();
const say = (line: string) => console.error(line);

const signals: Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM"];
for (const signal of signals) {
  Deno.addSignalListener(signal, async () => {
    await stopAll();
    await Deno.remove(folder, { recursive: true });
    Deno.exit(130);
  });
}

const folder = await Deno.makeTempDir({ prefix: "shimmy-bench-" });
try {
  const model = args.model ?? join(folder, "random.gguf");
  if (args.model === undefined) {
    await writeModel(model, shape, benchVocabulary(VOCABULARY));
  }
  const bench: Bench = {
    model,
    kvBytes: kvBytes(shape),
    program: args.shimmy ?? null,
    peer: peer(),
    llamaBench: peerBench,
    batchedBench: args["peer-batched-bench"] ??
      (peerBench === null ? null : join(dirname(peerBench), "llama-batched-bench")),
    threads: count("threads", spareCore ? Math.max(1, navigator.hardwareConcurrency - 1) : 0),
    spareCore,
    rounds: count("rounds", quick ? 1 : 3),
    quick,
    say,
  };
  const on = await machine();
  say(on);
  const results: Result[] = [];
  for (const scenario of chosen) {
    say(`${scenario.number}. ${scenario.title}`);
    results.push(...(await scenario.run(bench)).map(judge));
  }
  console.log(`${on}\n\n${table(results)}`);
  if (args.json !== undefined) {
    const { rounds } = bench;
    await Deno.writeTextFile(
      args.json,
      JSON.stringify({ machine: on, quick, shape, rounds, results }, null, 2),
    );
  }
} finally {
  await Deno.remove(folder, { recursive: true });
}
