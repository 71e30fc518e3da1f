import type { Config } from "../config/mod.ts";
import { type GlobalValues, type OptionSet, UsageError, type Values } from "../options/mod.ts";
import type { World } from "./environment.ts";

/** Exit statuses, as users script against them. */
export const EXIT = { ok: 0, failure: 1, usage: 2, interrupted: 130 } as const;

/** A command of the command line: what it takes and what it does. */
export interface Command<S extends OptionSet = OptionSet> {
  /** What stands for its positional arguments in the help, e.g. `[NAME]`. */
  readonly operands: readonly string[];
  /** What the operands may look like, and what each form means. */
  readonly notes?: readonly (readonly [form: string, meaning: string])[];
  readonly options: S;
  /** Resolves to the exit status. */
  readonly run: (call: Call<S>, world: World) => Promise<number>;
}

/** How a command was called. */
export interface Call<S extends OptionSet> {
  readonly values: Values<S>;
  readonly globals: GlobalValues;
  readonly operands: readonly string[];
  /** The configuration file, where there is one. */
  readonly config: Config | null;
  /** Where that file may lie, the first that is there counts. */
  readonly configPaths: readonly string[];
  /**
   * How it would be called now: the configuration file is read again.
   * @throws {UsageError} for whatever is wrong with it by now.
   */
  readonly again: () => Promise<Pick<Call<S>, "values" | "globals" | "config">>;
}

/** A command whose options are known to the compiler within it, and not outside. */
export function command<const S extends OptionSet>(definition: Command<S>): Command {
  return definition as unknown as Command;
}

/** @throws {UsageError} when there are more operands than a command takes, or too few. */
export function checkOperands(name: string, wanted: readonly string[], given: readonly string[]) {
  const required = wanted.filter((operand) => !operand.startsWith("["));
  const missing = required[given.length];
  if (missing !== undefined) throw new UsageError(`${name}: ${missing} is missing`);
  const extra = given[wanted.length];
  if (extra !== undefined) throw new UsageError(`${name}: unexpected argument '${extra}'`);
}
