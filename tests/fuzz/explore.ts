import * as fc from "test:fast-check";
import type { Finding } from "./finding.ts";
import { type Problem, signatureOf } from "./support/problem.ts";
import type { Runner, Target } from "./target.ts";

/** Cases of one call of the library: the bias to small values begins anew with each. */
const BATCH = 100;
/** Bounds of making a case smaller. */
const SHRINK_MS = 15_000;
const SHRINK_CASES = 150;
/** Cases that are kept for a problem that shows later. */
const RECENT = 200;
/** Findings after which a target ends: more of them seldom say more. */
const MOST_FINDINGS = 12;

/** What a run of a target gave. */
export interface Outcome {
  readonly cases: number;
  readonly findings: readonly Finding[];
  readonly seconds: number;
}

class Found extends Error {
  constructor(readonly problem: Problem) {
    super(problem.message);
  }
}

/** Runs cases of a target for a time. The sequence of the cases depends on the seed alone. */
export async function explore(
  target: Target,
  { seed, milliseconds }: { readonly seed: number; readonly milliseconds: number },
): Promise<Outcome> {
  const start = performance.now();
  await using runner = await target.open();
  const exploration = new Exploration(target.name, runner, start + milliseconds);
  for (let batch = 0; exploration.goesOn; batch++) await exploration.runBatch(seed + batch);
  await exploration.finish();
  return {
    cases: exploration.count,
    findings: exploration.findings,
    seconds: (performance.now() - start) / 1000,
  };
}

class Exploration {
  readonly findings: Finding[] = [];
  count = 0;
  readonly #name: string;
  readonly #runner: Runner;
  readonly #end: number;
  readonly #known = new Set<string>();
  readonly #recent: unknown[] = [];

  constructor(name: string, runner: Runner, end: number) {
    this.#name = name;
    this.#runner = runner;
    this.#end = end;
  }

  get #isOver(): boolean {
    return performance.now() > this.#end;
  }

  get goesOn(): boolean {
    return !this.#isOver && this.findings.length < MOST_FINDINGS;
  }

  /** Runs cases until there is a finding, which is made smaller. */
  async runBatch(seed: number): Promise<void> {
    let first: { readonly signature: string; readonly at: number } | null = null;
    let shrinks = 0;
    const property = fc.asyncProperty(this.#runner.cases, async (value: unknown) => {
      if (first === null ? this.#isOver : isSpent(first.at, shrinks++)) return;
      const problem = await this.#run(value);
      if (problem === null) return;
      const signature = signatureOf(problem);
      if (first === null && this.#known.has(signature)) return;
      if (first !== null && signature !== first.signature) return;
      first ??= { signature, at: performance.now() };
      throw new Found(problem);
    });
    const details = await fc.check(property, { seed, numRuns: BATCH });
    if (!details.failed || details.counterexample === null) return;
    const thrown = details.errorInstance;
    if (!(thrown instanceof Found)) throw thrown;
    this.#add(thrown.problem, details.counterexample);
  }

  async #run(value: unknown): Promise<Problem | null> {
    this.count++;
    this.#recent.push(value);
    if (this.#recent.length > RECENT) this.#recent.shift();
    return await this.#runner.run(value);
  }

  /** Adds a finding; of one that shows late, the recent cases are kept. */
  #add(problem: Problem, cases: readonly unknown[]): void {
    this.#known.add(signatureOf(problem));
    const isLate = problem.kind === "memory" || problem.kind === "process";
    this.findings.push({
      target: this.#name,
      problem,
      cases: isLate ? [...this.#recent] : cases,
    });
  }

  async finish(): Promise<void> {
    const problem = await this.#runner.finish();
    if (problem !== null && !this.#known.has(signatureOf(problem))) {
      this.#add(problem, [...this.#recent]);
    }
  }
}

function isSpent(start: number, cases: number): boolean {
  return performance.now() - start > SHRINK_MS || cases > SHRINK_CASES;
}
