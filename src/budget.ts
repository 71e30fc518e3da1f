/**
 * Limits the work that a client's input or a model's file can cause: a short schema can ask for
 * millions of states, and a short template for endless loops. The work is synchronous, so one budget
 * is current at a time in a thread.
 */

/** The limits of a budget. */
export interface Limits {
  /** Elementary steps, an integer; see {@linkcode spend}. */
  readonly steps: number;
  /** Time after which the work ends in any case. */
  readonly milliseconds: number;
  /** Growth of the thread's heap, if it is limited. Garbage that is not collected yet counts. */
  readonly heapBytes?: number;
}

interface Budget {
  readonly deadline: number;
  /** Size of the heap that is too large. */
  readonly heapLimit: number;
  /** Message of the error. */
  readonly message: string;
}

/** Work needs more than its budget allows. */
export class BudgetError extends Error {}

/** Steps between two readings of the clock, and between two of the heap's size. */
const CLOCK_STEPS = 512;
const HEAP_STEPS = 20_000;

let current: Budget | null = null;
/** Steps left of the current budget. */
let left = 0;
/** Steps left at which the clock, or the heap, is read next. */
let nextClock = -1;
let nextHeap = -1;

/**
 * Runs work with a budget. Work inside of another budget counts for both.
 *
 * @param message Message of the error.
 * @throws {BudgetError} From {@linkcode spend}.
 */
export function withBudget<T>(limits: Limits, message: string, work: () => T): T {
  const outer = { current, left, nextClock, nextHeap };
  const { milliseconds, heapBytes } = limits;
  const steps = current === null ? limits.steps : Math.min(limits.steps, left);
  const deadline = performance.now() + milliseconds;
  const heapLimit = heapBytes === undefined ? Infinity : Deno.memoryUsage().heapUsed + heapBytes;
  current = {
    deadline: Math.min(deadline, current?.deadline ?? Infinity),
    heapLimit: Math.min(heapLimit, current?.heapLimit ?? Infinity),
    message,
  };
  [left, nextClock, nextHeap] = [steps, steps, steps - HEAP_STEPS];
  try {
    return work();
  } finally {
    const used = steps - left;
    ({ current, nextClock, nextHeap } = outer);
    left = outer.left - used;
  }
}

/**
 * Takes steps from the current budget, if there is one. A step is about the work on one transition
 * of an automaton, on one part of a rule or on one expression of a template.
 *
 * @param steps An integer.
 * @throws {BudgetError} If the budget is spent.
 */
export function spend(steps: number): void {
  left -= steps;
  if (left > nextClock || current === null) return;
  if (left < 0 || isLate(current)) throw new BudgetError(current.message);
}

/** Whether the time or the heap of a budget is used up. */
function isLate({ deadline, heapLimit }: Budget): boolean {
  nextClock = Math.max(left - CLOCK_STEPS, -1);
  if (performance.now() > deadline) return true;
  if (left > nextHeap || heapLimit === Infinity) return false;
  nextHeap = left - HEAP_STEPS;
  return Deno.memoryUsage().heapUsed > heapLimit;
}
