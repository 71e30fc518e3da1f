import { addCounts, type Counts, NO_COUNTS, type Tally } from "../load/tally.ts";
import type { SoakServer } from "../soak_server.ts";
import type { ProcessFacts } from "./processes.ts";

/** Milliseconds between two lines. */
const INTERVAL_MS = 5_000;

/** What the server and the processes of its models hold. */
export interface RestSample {
  /** Seconds since the start. */
  readonly at: number;
  readonly phase: string;
  readonly server: ProcessFacts;
  /** The sum over the children. */
  readonly models: Pick<ProcessFacts, "residentMb" | "threads" | "handles">;
  readonly counts: Counts;
}

/** Prints what a server holds and how its requests ended, over time. */
export class Observer implements Disposable {
  readonly #server: SoakServer;
  readonly #tallies: () => readonly Tally[];
  readonly #print: (line: string) => void;
  readonly #start = performance.now();
  readonly #timer: ReturnType<typeof setInterval>;
  /** The faults that are being made. */
  phase = "";

  constructor(
    server: SoakServer,
    tallies: () => readonly Tally[],
    print: (line: string) => void,
  ) {
    this.#server = server;
    this.#tallies = tallies;
    this.#print = print;
    print(HEADER);
    this.#timer = setInterval(() => void this.#printSample(), INTERVAL_MS);
  }

  async #printSample(): Promise<void> {
    const sample = await this.sample();
    if (sample !== null) this.#print(lineOf(sample));
  }

  /** Null if the server has ended. */
  async sample(): Promise<RestSample | null> {
    const facts = await this.#server.observe();
    if (facts === null) return null;
    const sum = (key: "residentMb" | "threads" | "handles") =>
      facts.children.reduce((total, child) => total + child[key], 0);
    return {
      at: (performance.now() - this.#start) / 1000,
      phase: this.phase,
      server: facts.own,
      models: { residentMb: sum("residentMb"), threads: sum("threads"), handles: sum("handles") },
      counts: this.#tallies().map(({ counts }) => counts).reduce(addCounts, NO_COUNTS),
    };
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

const COLUMNS = [6, 16, 16, 9, 9, 9, 6] as const;

const HEADER = row([
  "s",
  "server MB/fd/thr",
  "models MB/fd/thr",
  "answered",
  "refused",
  "failed",
  "lost",
], "faults");

function lineOf({ at, phase, server, models, counts }: RestSample): string {
  const facts = ({ residentMb, handles, threads }: RestSample["models"]) =>
    `${residentMb.toFixed(0)}/${handles}/${threads}`;
  const refused = Object.values(counts.refused).reduce((sum, count) => sum + count, 0);
  return row([
    at.toFixed(0),
    facts(server),
    facts(models),
    ...[counts.answered, refused, counts.failed, counts.lost].map(String),
  ], phase);
}

function row(cells: readonly string[], last: string): string {
  return `${cells.map((cell, index) => cell.padStart(COLUMNS[index]!)).join("  ")}  ${last}`;
}
