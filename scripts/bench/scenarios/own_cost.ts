import { realLibraryFolder } from "../../../ffi/testing.ts";
import {
  collectEvents,
  ENGINE_COMMAND,
  ENGINE_MODULE,
  loadEngine,
} from "../../../src/engine/mod.ts";
import { ownCommand } from "../../../src/own_command.ts";
import { type Bench, completion, measureInterleaved, type Scenario } from "../bench.ts";
import { stream, timePerToken } from "../client.ts";
import { residentBytes } from "../memory.ts";
import type { Row } from "../report.ts";
import { startShimmy } from "../programs/servers.ts";
import { benchText } from "../vocabulary.ts";

const MEGABYTE = 2 ** 20;

/** Overhead of serving over the work of libllama. */
export const ownCost: Scenario = {
  number: 5,
  title: "our own work per token, isolation, memory, start",
  async run(bench) {
    return [...await perToken(bench), ...await isolation(bench), ...await footprint(bench)];
  },
};

/** Step time minus native time, per token, of the scheduler loop in a process of its own, as in `serve`. */
async function perToken(bench: Bench): Promise<Row[]> {
  const rows: Row[] = [];
  const tokens = bench.quick ? 16 : 128;
  for (const count of bench.quick ? [1] : [1, 8]) {
    const rounds: LoopCost[] = [];
    for (let round = 0; round < bench.rounds; round++) {
      rounds.push(await loopCost(bench, count, tokens));
      const { cold, warm } = rounds.at(-1)!;
      bench.say(`  round ${round + 1}, ${count}: cold ${cold.toFixed(1)}, warm ${warm.toFixed(1)}`);
    }
    const what = `own work, ${count} ${count === 1 ? "sequence" : "sequences"}`;
    rows.push({
      ...{ scenario: 5, what, unit: "us/token" },
      rounds: { shimmy: rounds.map(({ warm }) => warm) },
      targets: [{ against: null, atMost: 50 }],
    }, {
      ...{ scenario: 5, what: `${what}, second answer after the start`, unit: "us/token" },
      rounds: { shimmy: rounds.map(({ cold }) => cold) },
    });
  }
  return rows;
}

/** Microseconds of own work a token in the second answers of an engine, and after some thousand tokens. */
interface LoopCost {
  readonly cold: number;
  readonly warm: number;
}

/** Answers until V8 has compiled the loop, at most. */
const WARM_UP = 16;

async function loopCost(bench: Bench, count: number, tokens: number): Promise<LoopCost> {
  const libraryFolder = await realLibraryFolder();
  if (libraryFolder === null) throw new Error("There is no libllama for this machine");
  const isolate = ownCommand(ENGINE_COMMAND, ENGINE_MODULE, { optimizesEarly: true });
  const options = {
    libraryFolder,
    modelPaths: [bench.model],
    loras: [],
    devices: [],
    gpuLayers: 0,
    contextLength: 256,
    parallel: count,
    batchSize: 0,
    threads: bench.threads,
    kvType: "f16",
    flashAttention: "auto",
    kvUnified: false,
    lookup: false,
    contextShift: false,
    verbose: false,
  } as const;
  await using engine = await loadEngine(options, { isolate });
  const run = async (seed: number) => {
    const request = {
      prompt: [{ text: benchText(16, seed), special: false }],
      maxTokens: tokens,
      sampling: { temperature: 0 },
      stop: [],
      ignoreEos: true,
    };
    await collectEvents((sink) => engine.generate(request, sink), () => {});
  };
  let seed = 0;
  await run(++seed);
  const cost = async () => {
    const before = await engine.status();
    await Promise.all(Array.from({ length: count }, () => run(++seed)));
    const after = await engine.status();
    const own = after.stepMs - before.stepMs - (after.nativeMs - before.nativeMs);
    return own * 1000 / (after.completionTokens - before.completionTokens);
  };
  const cold = await cost();
  for (let answer = 0; answer < (bench.quick ? 0 : WARM_UP); answer += count) await cost();
  return { cold, warm: await cost() };
}

/** Time between tokens of one stream, with the model in a child process and in the own process. */
async function isolation(bench: Bench): Promise<Row[]> {
  const tokens = bench.quick ? 16 : 128;
  const times: Record<"isolated" | "inProcess", number[]> = { isolated: [], inProcess: [] };
  for (let round = 0; round < bench.rounds; round++) {
    for (const kind of ["isolated", "inProcess"] as const) {
      const { model, threads } = bench;
      await using server = await startShimmy(bench.program, {
        ...{ model, threads, parallel: 1, context: 512, unified: false },
        inProcess: kind === "inProcess",
      });
      const ask = (seed: number) =>
        stream(`${server.url}/v1/completions`, completion(benchText(16, seed), tokens));
      await ask(1);
      times[kind].push(timePerToken(await ask(2)));
    }
  }
  return [
    {
      scenario: 5,
      what: "isolation adds per token",
      unit: "us",
      rounds: {
        shimmy: times.isolated.map((value, round) => (value - times.inProcess[round]!) * 1000),
      },
    },
  ];
}

/** Memory after some answers, and time from start to the first answer. */
async function footprint(bench: Bench): Promise<Row[]> {
  const settings = {
    parallel: bench.quick ? 2 : 8,
    context: bench.quick ? 256 : 1_024,
    unified: false,
  };
  const weights = (await Deno.stat(bench.model)).size;
  const cache = settings.parallel * settings.context * bench.kvBytes;
  const values = await measureInterleaved(
    bench,
    settings,
    async ({ url, pid, healthMs, readyMs }) => {
      const ask = (_: unknown, index: number) =>
        stream(`${url}/v1/completions`, completion(benchText(64, index + 1), 8));
      await Promise.all(Array.from({ length: settings.parallel }, ask));
      const resident = await residentBytes(pid);
      const memory = resident === null ? {} : {
        resident: resident / MEGABYTE,
        above: (resident - weights - cache) / MEGABYTE,
      };
      return { healthMs, readyMs, ...memory };
    },
  );
  const rounds = (key: string) => values.get(key) ?? {};
  const at = `${settings.parallel} x ${settings.context} tokens`;
  return [
    { scenario: 5, what: `resident memory, ${at}`, unit: "MB", rounds: rounds("resident") },
    {
      scenario: 5,
      what: "memory above weights and KV cache",
      unit: "MB",
      rounds: rounds("above"),
      targets: [{ against: null, atMost: 110 }],
    },
    {
      scenario: 5,
      what: "start to /health",
      unit: "ms",
      rounds: rounds("healthMs"),
      targets: [{ against: null, atMost: 200 }],
    },
    { scenario: 5, what: "start to ready", unit: "ms", rounds: rounds("readyMs") },
  ];
}
