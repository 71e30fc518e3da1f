/**
 * Limits the work of a compilation. Schemas come from clients, and a short one can ask for millions
 * of states. Compilation is synchronous, so one budget is current at a time.
 */
let current: Budget | null = null;

interface Budget {
  left: number;
  readonly deadline: number;
  readonly outer: Budget | null;
}

/** A compilation needs more work than its budget allows. */
export class BudgetError extends Error {}

/**
 * Runs a compilation with a budget. Work inside of another budget counts for both.
 *
 * @param steps Elementary steps: see {@linkcode spend}.
 * @param milliseconds Time after which the compilation ends in any case.
 * @throws {BudgetError} From {@linkcode spend}.
 */
export function withBudget<T>(steps: number, milliseconds: number, compile: () => T): T {
  const outer = current;
  current = { left: steps, deadline: performance.now() + milliseconds, outer };
  try {
    return compile();
  } finally {
    current = outer;
  }
}

/**
 * Takes steps from the current budget, if there is one. A step is about the work on one transition
 * of an automaton or on one part of a rule.
 *
 * @throws {BudgetError} If the budget is spent.
 */
export function spend(steps: number): void {
  for (let budget = current; budget !== null; budget = budget.outer) {
    budget.left -= steps;
    if (budget.left < 0 || performance.now() > budget.deadline) {
      throw new BudgetError("the schema needs too much work; use fewer or simpler patterns");
    }
  }
}
