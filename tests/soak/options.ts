import { parseArgs } from "node:util";

/** What a run of the soak does. */
export interface SoakOptions {
  /** At least one round is run, however short the time is. */
  readonly minutes: number;
  readonly seed: number;
  /** The faults to run at the same time; null: all, in groups. */
  readonly only: readonly string[] | null;
  /** File for the samples and the result; null: none. */
  readonly json: string | null;
}

/**
 * Reads the command line.
 *
 * @param faults The names that `--only` may have.
 * @throws {TypeError} for an unknown option or a value that is not allowed.
 */
export function parseSoakOptions(args: readonly string[], faults: readonly string[]): SoakOptions {
  const text = { type: "string" } as const;
  const { values: { minutes, seed, only, json } } = parseArgs({
    args: [...args],
    options: { minutes: text, seed: text, only: text, json: text },
  });
  const chosen = only?.split(",") ?? null;
  const unknown = chosen?.find((name) => !faults.includes(name));
  if (unknown !== undefined) {
    throw new TypeError(`--only: must be some of ${faults.join()}, not '${unknown}'`);
  }
  return {
    minutes: numberOf("--minutes", minutes, 1),
    seed: numberOf("--seed", seed, 1),
    only: chosen,
    json: json ?? null,
  };
}

function numberOf(name: string, text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (text !== "" && value >= 0 && Number.isFinite(value)) return value;
  throw new TypeError(`${name}: must be a number of at least 0, not '${text}'`);
}
