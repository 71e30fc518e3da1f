import { Random } from "../grammar/random.ts";
import type { Machine } from "../cli/machine.ts";
import type { Fault, FaultContext, SharedFault } from "./faults/mod.ts";
import { MixedLoad } from "./load/mixed_load.ts";
import { CALM, MODEL_ENDS, Tally } from "./load/tally.ts";
import { Observer, type RestSample } from "./measure/observer.ts";
import { SoakServer } from "./soak_server.ts";

/** Clients of the mixed load on the shared server: more than the answers that run at once. */
const CLIENTS = 6;
/** Seconds of load in a fault that has no length of its own. */
const FAULT_S = 5;
/** Seconds in which all requests end after their clients have gone. */
const REST_S = 20;

/** Options of the server that all faults without a server of their own share. */
const SERVER_OPTIONS = [
  ...["--parallel", "4", "--step-timeout", "5", "--keep-alive", "-1"],
  ...["--disk-cache", "64MB", "--ctx", "1024"],
];

/** The result of a fault, over all its runs. */
export interface FaultResult {
  readonly name: string;
  runs: number;
  readonly tallies: Tally[];
  /** Why it was not run. */
  skipped: string | null;
}

/** Runs faults against servers under load, and keeps what was seen. */
export class Soak implements AsyncDisposable {
  readonly #random: Random;
  readonly #machine: Machine;
  readonly #server: SoakServer;
  readonly #print: (line: string) => void;
  readonly #observer: Observer;
  readonly #problems: string[];
  readonly #notes = new Set<string>();
  readonly #results = new Map<string, FaultResult>();
  readonly #rests: RestSample[] = [];
  #rounds = 0;

  private constructor(
    machine: Machine,
    server: SoakServer,
    problems: string[],
    { seed, print }: { readonly seed: number; readonly print: (line: string) => void },
  ) {
    this.#random = new Random(seed);
    this.#machine = machine;
    this.#server = server;
    this.#problems = problems;
    this.#print = print;
    this.#observer = new Observer(server, () => this.#tallies(), print);
  }

  static async start(
    machine: Machine,
    options: { readonly seed: number; readonly print: (line: string) => void },
  ): Promise<Soak> {
    const problems: string[] = [];
    const server = await SoakServer.start("the server", machine, {
      args: SERVER_OPTIONS,
      problem: (what) => problems.push(what),
    });
    await server.modelProcess();
    return new Soak(machine, server, problems, options);
  }

  /** Runs groups of faults one after the other, again until the time is over; the first round to its end. */
  async run(groups: readonly (readonly Fault[])[], minutes: number): Promise<void> {
    const end = performance.now() + minutes * 60_000;
    do {
      for (const group of groups) {
        if (this.#rounds > 0 && performance.now() > end) return;
        await this.#runGroup(group);
      }
      this.#rounds++;
    } while (performance.now() < end);
  }

  async #runGroup(group: readonly Fault[]): Promise<void> {
    const faults = await this.#available(group);
    this.#observer.phase = faults.map(({ name }) => name).join(" + ");
    const shared = faults.filter((fault): fault is SharedFault => "run" in fault);
    const isEnding = shared.some(({ promised }) => promised === MODEL_ENDS);
    const tally = new Tally(isEnding ? MODEL_ENDS : CALM);
    // The load belongs to all faults of the group that share its server.
    const [first] = shared;
    if (first !== undefined) this.#resultOf(first).tallies.push(tally);
    {
      await using _load = first === undefined
        ? null
        : new MixedLoad(this.#server.base, tally, this.#random, CLIENTS);
      await Promise.all(faults.map((fault) => this.#runFault(fault)));
    }
    await this.#rest();
  }

  /** The faults that can be made here. */
  async #available(group: readonly Fault[]): Promise<Fault[]> {
    const available: Fault[] = [];
    for (const fault of group) {
      const result = this.#resultOf(fault);
      if (this.#rounds === 0) result.skipped = await fault.unavailable?.() ?? null;
      if (result.skipped === null) available.push(fault);
      else this.#note(`${fault.name} is not tested: ${result.skipped}`);
    }
    return available;
  }

  async #runFault(fault: Fault): Promise<void> {
    const result = this.#resultOf(fault);
    result.runs++;
    const context: FaultContext = {
      random: new Random(this.#random.between(0, 2 ** 31)),
      tally: new Tally(fault.promised),
      seconds: FAULT_S,
      problem: (what) => this.#problems.push(`${fault.name}: ${what}`),
      note: (what) => this.#note(what),
    };
    result.tallies.push(context.tally);
    try {
      await ("run" in fault ? fault.run(context, this.#server) : fault.runAlone(context));
    } catch (error) {
      context.problem(`it failed: ${(error as Error).stack}`);
    }
  }

  /** Waits until all requests have ended and measures what the server holds then. */
  async #rest(): Promise<void> {
    if (!await this.#server.comesToRest(REST_S)) {
      this.#problems.push(`after ${this.#observer.phase}: requests go on without their clients`);
    }
    const sample = await this.#observer.sample();
    if (sample !== null) this.#rests.push(sample);
  }

  #resultOf({ name }: Fault): FaultResult {
    let result = this.#results.get(name);
    if (result === undefined) {
      result = { name, runs: 0, tallies: [], skipped: null };
      this.#results.set(name, result);
    }
    return result;
  }

  #tallies(): readonly Tally[] {
    return [...this.#results.values()].flatMap(({ tallies }) => tallies);
  }

  #note(what: string): void {
    if (!this.#notes.has(what)) this.#print(what);
    this.#notes.add(what);
  }

  get results(): readonly FaultResult[] {
    return [...this.#results.values()];
  }

  /** Measurements while the server was at rest. */
  get rests(): readonly RestSample[] {
    return this.#rests;
  }

  /** What must not happen, besides lost answers. */
  get problems(): readonly string[] {
    return this.#problems;
  }

  get notes(): readonly string[] {
    return [...this.#notes];
  }

  /** Stops the server; then the problems are complete. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#observer[Symbol.dispose]();
    await this.#server[Symbol.asyncDispose]();
    await this.#machine[Symbol.asyncDispose]();
  }
}
