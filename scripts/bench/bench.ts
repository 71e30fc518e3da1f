import type { Column, Row } from "./report.ts";
import { type Server, type Settings, startLlamaServer, startShimmy } from "./programs/servers.ts";

/** Configuration of a benchmark run. */
export interface Bench {
  readonly model: string;
  /** KV cache bytes per token. */
  readonly kvBytes: number;
  /** Executable of Shimmy; null runs the source. */
  readonly program: string | null;
  readonly peer: string | null;
  readonly llamaBench: string | null;
  readonly batchedBench: string | null;
  readonly threads: number;
  /** All programs leave a core to others. */
  readonly spareCore: boolean;
  readonly rounds: number;
  /** Small sizes, to check that everything works. */
  readonly quick: boolean;
  readonly say: (line: string) => void;
}

/** A benchmark scenario. */
export interface Scenario {
  readonly number: number;
  readonly title: string;
  readonly run: (bench: Bench) => Promise<Row[]>;
}

/** Figures of one server in one round, by name. */
export type Figures = Readonly<Record<string, number>>;

/**
 * Measures all servers round by round, each freshly started, so that changes of the machine speed
 * affect all alike.
 *
 * @param native measures the benchmark program of llama.cpp, if there is one
 * @param beforeStart runs before each start of a server
 * @returns for each figure and column the values of all rounds.
 */
export async function measureInterleaved(
  bench: Bench,
  settings: Omit<Settings, "model" | "threads">,
  measure: (server: Server) => Promise<Figures>,
  native?: () => Promise<Figures>,
  beforeStart: () => Promise<void> = () => Promise.resolve(),
): Promise<Map<string, Partial<Record<Column, number[]>>>> {
  const { model, threads } = bench;
  const all = { model, threads, ...settings };
  const values = new Map<string, Partial<Record<Column, number[]>>>();
  const served = async (start: () => Promise<Server>): Promise<Figures> => {
    await beforeStart();
    await using server = await start();
    return await measure(server);
  };
  const servers: [Column, () => Promise<Figures>][] = [
    ["shimmy", () => served(() => startShimmy(bench.program, all))],
  ];
  if (bench.peer !== null) {
    const { peer } = bench;
    servers.push(["llama-server", () => served(() => startLlamaServer(peer, all))]);
  }
  if (native !== undefined) servers.push(["llama.cpp", native]);
  for (let round = 1; round <= bench.rounds; round++) {
    for (const [column, measureOne] of servers) {
      const figures = await measureOne();
      bench.say(`  round ${round}, ${column}: ${formatFigures(figures)}`);
      for (const [name, value] of Object.entries(figures)) {
        const columns = values.get(name) ?? {};
        values.set(name, columns);
        (columns[column] ??= []).push(value);
      }
    }
  }
  return values;
}

function formatFigures(figures: Figures): string {
  return Object.entries(figures).map(([name, value]) => `${name} ${value.toFixed(2)}`).join(", ");
}

/** The body of a plain completion, which both servers accept. */
export function completion(prompt: string, tokens: number): Record<string, unknown> {
  return { prompt, max_tokens: tokens, temperature: 0, ignore_eos: true };
}
