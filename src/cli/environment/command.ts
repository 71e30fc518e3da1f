import type { Config } from "../config/mod.ts";
import {
  type GlobalValues,
  type OptionSet,
  type Parsed,
  UsageError,
  type Values,
} from "../options/mod.ts";
import type { Environment } from "./environment.ts";

/** Exit statuses. Scripts depend on them. */
export const EXIT = { ok: 0, failure: 1, usage: 2, interrupted: 130 } as const;

/** A command of the command line: its arguments and its action. */
export interface Command<S extends OptionSet = OptionSet> {
  /** Positional arguments as the help shows them, e.g. `[NAME]`; the last may be `[NAME...]`. */
  readonly operands: readonly string[];
  /** Forms of the operands and their meanings. */
  readonly notes?: readonly (readonly [form: string, meaning: string])[];
  readonly options: S;
  /** Resolves to the exit status. */
  readonly run: (call: Call<S>, environment: Environment) => Promise<number>;
}

/** A parsed call of a command. */
export interface Call<S extends OptionSet> {
  readonly values: Values<S>;
  readonly globals: GlobalValues;
  readonly operands: readonly string[];
  /** The configuration file, if there is one. */
  readonly config: Config | null;
  /** Possible paths of the configuration file. The first that exists is used. */
  readonly configPaths: readonly string[];
  /**
   * Reads the configuration file again and parses the same command line with it.
   * @throws {UsageError} for an invalid file.
   */
  readonly reload: () => Promise<Pick<Call<S>, "values" | "globals" | "config">>;
}

/** Defines a command. The types of its options are known only within the definition. */
export function command<const S extends OptionSet>(definition: Command<S>): Command {
  return definition as unknown as Command;
}

/**
 * @param parsed The command line; `--name` replaces the operand NAME.
 * @throws {UsageError} for a missing operand and for an extra one.
 */
export function checkOperands(
  name: string,
  wanted: readonly string[],
  { positionals: given, values, hints }: Parsed<OptionSet>,
) {
  const isNamed = typeof values.name === "string";
  const required = wanted.filter((operand) =>
    !operand.startsWith("[") && !(operand === "NAME" && isNamed)
  );
  const missing = required[given.length];
  if (missing !== undefined) throw new UsageError(`${name}: ${missingOperand(missing)}`);
  const extra = wanted.at(-1)?.endsWith("...]") ? undefined : given[wanted.length];
  if (extra === undefined) return;
  const hint = hints.get(extra);
  const unexpected = `${name}: unexpected argument '${extra}'`;
  throw new UsageError(hint === undefined ? unexpected : `${unexpected}; ${hint}`);
}

function missingOperand(operand: string): string {
  const choices = operand.split("|");
  return choices.length === 1
    ? `${operand} is missing`
    : `an argument is missing; must be one of ${choices.join(", ")}`;
}
