import { ShimmyError } from "../../errors.ts";
import { nearestName } from "../../models/entry/mod.ts";
import { parseArgs } from "node:util";

// Why not @std/cli: its parser never takes a text that begins with a hyphen as an option's value, and
// `--prompt -` and `--seed -1` are both what people write.

/** An option as data; `T` is what its value becomes. */
export interface Option<T> {
  /** What stands for the value in the help; an option without it is a flag. */
  readonly value?: string;
  /** The environment variable that gives the value where the option is not written. */
  readonly env?: string;
  readonly help: string;
  /** May be written several times. */
  readonly repeatable?: boolean;
  /**
   * The value of the texts that were given, in order; none at all gives the default.
   * @throws {ShimmyError} `invalid`, with a message that begins with `label`.
   */
  readonly read: (texts: readonly string[], label: string) => T;
}

/** Options by their names on the command line, without the hyphens. */
export type OptionSet = Readonly<Record<string, Option<unknown>>>;

/** The values of a set of options. */
export type Values<S extends OptionSet> = {
  readonly [K in keyof S]: S[K] extends Option<infer T> ? T : never;
};

/** What a command line says, after checking. */
export interface Parsed<S extends OptionSet> {
  readonly values: Values<S>;
  readonly positionals: readonly string[];
}

/** Options that a configuration file gives: stronger than the environment, weaker than the command line. */
export interface FileOptions {
  /** The file as messages name it. */
  readonly label: string;
  readonly options: Readonly<Record<string, readonly string[]>>;
}

/** A mistake in what was typed; it ends with exit status 2. */
export class UsageError extends ShimmyError {
  constructor(message: string) {
    super("invalid", message);
  }
}

/**
 * Parses a command line strictly.
 *
 * @param env Reads the environment; an empty variable counts as none.
 * @param file What stands in a configuration file; options that are not among `options` are passed over.
 * @throws {UsageError} for an unknown option, with the nearest name, a missing or a wrong value.
 */
export function parseOptions<S extends OptionSet>(
  args: readonly string[],
  options: S,
  env: (name: string) => string | undefined,
  file: FileOptions = { label: "", options: {} },
): Parsed<S> {
  const given = new Map<string, string[]>();
  const positionals: string[] = [];
  for (const token of tokensOf(args, options)) {
    if (token.kind === "positional") positionals.push(token.value);
    if (token.kind !== "option") continue;
    const option = Object.hasOwn(options, token.name) ? options[token.name] : undefined;
    if (option === undefined) throw unknownOption(token.rawName, Object.keys(options));
    const texts = given.get(token.name) ?? [];
    if (texts.length > 0 && !option.repeatable) {
      throw new UsageError(`${token.rawName}: may be given only once`);
    }
    given.set(token.name, [...texts, textOf(option, token)]);
  }
  const values: Record<string, unknown> = {};
  for (const [name, option] of Object.entries(options)) {
    values[name] = valueOf(option, name, given.get(name), file, env);
  }
  return { values: values as Values<S>, positionals };
}

function tokensOf(args: readonly string[], options: OptionSet) {
  const types = Object.entries(options).map(([name, option]) =>
    [name, { type: option.value === undefined ? "boolean" : "string" }] as const
  );
  return parseArgs({
    args: [...args],
    options: Object.fromEntries(types),
    strict: false,
    tokens: true,
    allowPositionals: true,
  }).tokens;
}

/** The text given to an option; a flag's is `true`. */
function textOf(
  option: Option<unknown>,
  token: { rawName: string; value: string | undefined; inlineValue: boolean | undefined },
): string {
  if (option.value === undefined) {
    if (token.value !== undefined) throw new UsageError(`${token.rawName}: takes no value`);
    return "true";
  }
  // A value that looks like the next option was forgotten, unless it is tied on with `=`.
  if (token.value === undefined || (!token.inlineValue && token.value.startsWith("--"))) {
    throw new UsageError(`${token.rawName}: needs a value, ${option.value}`);
  }
  return token.value;
}

function valueOf(
  option: Option<unknown>,
  name: string,
  given: readonly string[] | undefined,
  file: FileOptions,
  env: (name: string) => string | undefined,
): unknown {
  const inherited = option.env === undefined ? undefined : env(option.env) || undefined;
  const configured = Object.hasOwn(file.options, name) ? file.options[name] : undefined;
  try {
    if (given !== undefined) return option.read(given, `--${name}`);
    if (configured !== undefined) return option.read(configured, `${file.label}: server.${name}`);
    if (inherited !== undefined) return option.read([inherited], option.env!);
    return option.read([], `--${name}`);
  } catch (error) {
    if (!(error instanceof ShimmyError) || error instanceof UsageError) throw error;
    throw new UsageError(error.message);
  }
}

/** What llama.cpp's programs call options that have another name here. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  "lora-scaled": "lora",
  "control-vector": "lora",
  "control-vector-scaled": "lora",
};

function unknownOption(rawName: string, names: readonly string[]): UsageError {
  const name = rawName.replace(/^-+/, "");
  const same = Object.hasOwn(ELSEWHERE, name) ? ELSEWHERE[name] : undefined;
  const nearest = same !== undefined && names.includes(same) ? same : nearestName(names, name);
  return new UsageError(
    `Unknown option ${rawName}${nearest === undefined ? "" : `; did you mean --${nearest}?`}`,
  );
}
