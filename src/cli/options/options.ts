import { parseArgs } from "@std/cli/parse-args";
import { ShimmyError } from "../../errors.ts";
import { expandHome, homeFolder, similarName } from "../../models/entry/mod.ts";

/** An option as data; `T` is the type of its value. */
export interface Option<T> {
  /** The placeholder of the value in the help. An option without it is a flag. */
  readonly value?: string;
  /** The value that the option has when it is given without one; absent: a value is required. */
  readonly bare?: string;
  /** Words that are its value if they follow the option; absent: any argument that is no option. */
  readonly words?: readonly string[];
  /** The value for `false` in a configuration file; absent: the default. */
  readonly negated?: string;
  /** A one-letter form, as in `-n 5`. */
  readonly short?: string;
  /** The environment variable that sets the value when the option is not given. */
  readonly env?: string;
  readonly help: string;
  /** The option may be given several times. */
  readonly repeatable?: boolean;
  /** The value begins with a path, in which `~` and `$HOME` are the home folder. */
  readonly isPath?: boolean;
  /**
   * Converts the given texts, in order; an empty list gives the default.
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

/** A parsed and validated command line. */
export interface Parsed<S extends OptionSet> {
  readonly values: Values<S>;
  readonly positionals: readonly string[];
  /** For arguments that follow an option whose value may be left out: the values that it may have. */
  readonly hints: ReadonlyMap<string, string>;
}

/** Options from a configuration file. They override the environment; the command line overrides them. */
export interface FileOptions {
  /** The file's name in messages. */
  readonly label: string;
  readonly options: Readonly<Record<string, readonly string[]>>;
}

/** An invalid command line, environment variable or configuration file. The exit status is 2. */
export class UsageError extends ShimmyError {
  constructor(message: string) {
    super("invalid", message);
  }
}

/**
 * Parses a command line strictly.
 *
 * @param env Reads an environment variable; an empty variable counts as unset.
 * @param file Options of the configuration file; those that `options` does not contain are ignored.
 * @throws {UsageError} for an unknown option, with the nearest name, and for a missing or invalid value.
 */
export function parseOptions<S extends OptionSet>(
  args: readonly string[],
  options: S,
  env: (name: string) => string | undefined,
  file: FileOptions = { label: "", options: {} },
): Parsed<S> {
  const names = Object.keys(options);
  const isFlag = (name: string) => options[name]!.value === undefined;
  const hints = new Map<string, string>();
  const { _: positionals, ...given } = parseArgs(normalizeOptions(args, options, hints), {
    boolean: names.filter(isFlag).map(keyOf),
    string: [...names.filter((name) => !isFlag(name)).map(keyOf), "_"],
    collect: names.map(keyOf),
  });
  const values: Record<string, unknown> = {};
  for (const [name, option] of Object.entries(options)) {
    const texts = (given[keyOf(name)] as (string | boolean)[]).map(String);
    if (texts.length > 1 && !option.repeatable) {
      throw new UsageError(`--${name}: may be given only once`);
    }
    values[name] = valueOf(option, name, texts, file, env);
  }
  return { values: values as Values<S>, positionals: positionals.map(String), hints };
}

/** The key of an option for `parseArgs`, which takes a name that begins with `no-` for a negation. */
function keyOf(name: string): string {
  return `:${name}`;
}

/**
 * Writes each option as `--:name=value`. `parseArgs` accepts a value that begins with a hyphen, such as
 * `-` or `-1`, only in this form.
 *
 * @param hints gets those of {@linkcode Parsed}.
 */
function normalizeOptions(
  args: readonly string[],
  options: OptionSet,
  hints: Map<string, string>,
): string[] {
  const normalized: string[] = [];
  for (let index = 0; index < args.length; index++) {
    const arg = args[index]!;
    if (arg === "--") return [...normalized, ...args.slice(index)];
    if (!isOptionLike(arg)) {
      normalized.push(arg);
      continue;
    }
    const [written, inline] = splitValue(arg);
    const name = optionName(written, options);
    if (name === undefined) throw unknownOption(written, options);
    const { value: placeholder, bare, words } = options[name]!;
    if (placeholder === undefined) {
      if (inline !== undefined) throw new UsageError(`${written}: takes no value`);
      normalized.push(`--${keyOf(name)}=true`);
      continue;
    }
    const next = args[index + 1];
    // A known option in the place of a value means that the value was forgotten.
    const isForgotten = next === undefined ||
      (isOptionLike(next) && optionName(splitValue(next)[0], options) !== undefined);
    const isOther = words !== undefined && bare !== undefined && !words.includes(next ?? "");
    if (inline === undefined && (isForgotten || isOther)) {
      if (bare === undefined) throw new UsageError(`${written}: needs a value, ${placeholder}`);
      if (!isForgotten) hints.set(next, `${written} may have the values ${placeholder}`);
      normalized.push(`--${keyOf(name)}=${bare}`);
      continue;
    }
    if (inline === undefined) index++;
    normalized.push(`--${keyOf(name)}=${inline ?? next}`);
  }
  return normalized;
}

/** A single hyphen stands for standard input and is no option. */
function isOptionLike(arg: string): boolean {
  return arg.length > 1 && arg.startsWith("-");
}

function splitValue(arg: string): [written: string, value: string | undefined] {
  const end = arg.indexOf("=");
  return end === -1 ? [arg, undefined] : [arg.slice(0, end), arg.slice(end + 1)];
}

/** The name of the option that `--name` or `-n` selects. */
function optionName(written: string, options: OptionSet): string | undefined {
  if (written.startsWith("--")) {
    const name = written.slice(2);
    return Object.hasOwn(options, name) ? name : undefined;
  }
  return Object.keys(options).find((name) => options[name]!.short === written.slice(1));
}

function valueOf(
  option: Option<unknown>,
  name: string,
  given: readonly string[],
  file: FileOptions,
  env: (name: string) => string | undefined,
): unknown {
  const inherited = option.env === undefined ? undefined : env(option.env) || undefined;
  const configured = Object.hasOwn(file.options, name) ? file.options[name] : undefined;
  const read = (texts: readonly string[], label: string) =>
    option.read(
      option.isPath ? texts.map((text) => expandHome(text, homeFolder(env))) : texts,
      label,
    );
  try {
    if (given.length > 0) return read(given, `--${name}`);
    if (configured !== undefined) return read(configured, `${file.label}: server.${name}`);
    if (inherited !== undefined) return read([inherited], option.env!);
    return read([], `--${name}`);
  } catch (error) {
    if (!(error instanceof ShimmyError) || error instanceof UsageError) throw error;
    throw new UsageError(error.message);
  }
}

/** Names of llama.cpp's options that Shimmy gives another name. */
const LLAMA_CPP_NAMES: Readonly<Record<string, string>> = {
  "control-vector": "lora",
  "control-vector-scaled": "lora",
  "ctx-size": "ctx",
  "lora-scaled": "lora",
  "model": "name",
  "n-gpu-layers": "gpu-layers",
  "n-predict": "max-tokens",
  "ngl": "gpu-layers",
  "predict": "max-tokens",
  "temp": "temperature",
};

function unknownOption(written: string, options: OptionSet): UsageError {
  const names = Object.keys(options);
  const name = written.replace(/^-+/, "");
  const suggestion = suggestOption(written, name, names, options);
  return new UsageError(
    `Unknown option ${written}; ` +
      (suggestion === undefined ? "--help lists the options" : `did you mean ${suggestion}?`),
  );
}

function suggestOption(
  written: string,
  name: string,
  names: readonly string[],
  options: OptionSet,
): string | undefined {
  // The nearest name of one letter would be arbitrary.
  if (name.length === 1) return withHyphens(names.find((one) => one.startsWith(name)));
  const same = Object.hasOwn(LLAMA_CPP_NAMES, name) ? LLAMA_CPP_NAMES[name] : undefined;
  if (same !== undefined && names.includes(same)) return withHyphens(same);
  const similar = similarName(names, name);
  if (similar !== undefined) return withHyphens(similar);
  // The value of a one-letter option is a separate argument: `-n 5`, not `-n5`.
  const letter = written.slice(0, 2);
  return !written.startsWith("--") && optionName(letter, options) !== undefined
    ? `${letter} ${written.slice(2)}`
    : undefined;
}

function withHyphens(name: string | undefined): string | undefined {
  return name === undefined ? undefined : `--${name}`;
}
