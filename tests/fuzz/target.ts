import type * as fc from "test:fast-check";
import type { Problem } from "./support/problem.ts";

/** Something that takes input, with a generator of hostile input for it. */
export interface Target {
  readonly name: string;
  /** Starts what takes the input. */
  open(): Promise<Runner>;
}

/** A target that runs. */
// deno-lint-ignore no-explicit-any -- the type of the cases is the target's own
export interface Runner<T = any> extends AsyncDisposable {
  /** Values of JSON: a case is saved as a file. */
  readonly cases: fc.Arbitrary<T>;
  /** Runs a case. @returns what was wrong; null: nothing. */
  run(value: T): Promise<Problem | null>;
  /** Checks, after the last case, what only shows then. */
  finish(): Promise<Problem | null>;
}
