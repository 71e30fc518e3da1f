import { parseArgs } from "node:util";
import { answerHelp } from "../../../scripts/usage.ts";

/** What the measurements are asked for. */
export interface MeasureOptions {
  /** Path of a GGUF file; null: the built-in model. */
  readonly model: string | null;
  /** File for the figures; null: none. */
  readonly json: string | null;
  /** Seconds in which the requests of a run come. */
  readonly seconds: number;
  readonly seed: number;
}

/**
 * Reads the command line of a measurement.
 *
 * @throws {TypeError} for an unknown option or a value that is not allowed.
 */
export function parseMeasureOptions(args: readonly string[], seconds: number): MeasureOptions {
  const text = { type: "string" } as const;
  const { values } = parseArgs({
    args: [...args],
    options: { model: text, json: text, seconds: text, seed: text },
  });
  const number = (name: "seconds" | "seed", fallback: number) => {
    const given = values[name];
    const value = Number(given ?? fallback);
    if (given?.trim() !== "" && value > 0 && Number.isFinite(value)) return value;
    throw new TypeError(`--${name}: must be a number above 0, not '${given}'`);
  };
  return {
    model: values.model ?? null,
    json: values.json ?? null,
    seconds: number("seconds", seconds),
    seed: number("seed", 1),
  };
}

/**
 * Runs a measurement and ends with its exit status; a wrong option ends it with status 2.
 * @param url of the script, whose first comment is the help.
 */
export async function runMeasurement(
  url: string,
  seconds: number,
  main: (options: MeasureOptions) => Promise<number>,
): Promise<void> {
  answerHelp(url);
  let options: MeasureOptions;
  try {
    options = parseMeasureOptions(Deno.args, seconds);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    console.error(error.message);
    Deno.exit(2);
  }
  Deno.exit(await main(options));
}

/** Writes figures as JSON, if a file is named. */
export async function writeJson({ json }: MeasureOptions, value: unknown): Promise<void> {
  if (json !== null) await Deno.writeTextFile(json, `${JSON.stringify(value, null, 1)}\n`);
}
