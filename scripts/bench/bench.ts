import type { Column, Row } from "./report.ts";
import { type Server, type Settings, startOurs, startPeer } from "./servers.ts";

/** What is measured with, and how thoroughly. */
export interface Bench {
  readonly model: string;
  /** Bytes of the KV cache for one token. */
  readonly kvBytes: number;
  /** Shimmy's executable; null runs the source. */
  readonly program: string | null;
  readonly peer: string | null;
  readonly llamaBench: string | null;
  readonly batchedBench: string | null;
  readonly threads: number;
  readonly rounds: number;
  /** Small figures, to see that everything works. */
  readonly quick: boolean;
  readonly say: (line: string) => void;
}

/** One of the things that are measured. */
export interface Scenario {
  readonly number: number;
  readonly title: string;
  readonly run: (bench: Bench) => Promise<Row[]>;
}

/** What one server measured in one round, by the name of the figure. */
export type Figures = Readonly<Record<string, number>>;

/**
 * Measures everybody in turns, each freshly started, round after round: machines get faster and slower.
 *
 * @param native measures llama.cpp's own benchmark program, where there is one
 * @returns For each figure and column the values of all rounds.
 */
export async function inTurns(
  bench: Bench,
  settings: Omit<Settings, "model" | "threads">,
  measure: (server: Server) => Promise<Figures>,
  native?: () => Promise<Figures>,
): Promise<Map<string, Partial<Record<Column, number[]>>>> {
  const { model, threads } = bench;
  const all = { model, threads, ...settings };
  const values = new Map<string, Partial<Record<Column, number[]>>>();
  const served = async (start: () => Promise<Server>): Promise<Figures> => {
    await using server = await start();
    return await measure(server);
  };
  const turns: [Column, () => Promise<Figures>][] = [
    ["shimmy", () => served(() => startOurs(bench.program, all))],
  ];
  if (bench.peer !== null) {
    const { peer } = bench;
    turns.push(["llama-server", () => served(() => startPeer(peer, all))]);
  }
  if (native !== undefined) turns.push(["llama.cpp", native]);
  for (let round = 1; round <= bench.rounds; round++) {
    for (const [column, turn] of turns) {
      const figures = await turn();
      bench.say(`  round ${round}, ${column}: ${told(figures)}`);
      for (const [name, value] of Object.entries(figures)) {
        const columns = values.get(name) ?? {};
        values.set(name, columns);
        (columns[column] ??= []).push(value);
      }
    }
  }
  return values;
}

function told(figures: Figures): string {
  return Object.entries(figures).map(([name, value]) => `${name} ${value.toFixed(2)}`).join(", ");
}

/** The body of a plain completion that both servers read alike. */
export function completion(prompt: string, tokens: number): Record<string, unknown> {
  return { prompt, max_tokens: tokens, temperature: 0, ignore_eos: true };
}
