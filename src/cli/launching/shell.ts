import { API_KEY, KEY_VARIABLE, type Setup } from "./client.ts";

/** A command that starts a client by hand. */
export interface ShellCommand {
  readonly executable: string;
  readonly setup: Setup;
  /** Arguments of the user. */
  readonly args: readonly string[];
}

/**
 * A script that sets the variables and starts the client with its arguments and those of the script: for
 * POSIX shells, or for PowerShell on Windows. The API key is read from `SHIMMY_API_KEY`, so that the
 * script does not contain it.
 */
export function shellScript(
  { executable, setup, args }: ShellCommand,
  os: typeof Deno.build.os = Deno.build.os,
): string {
  const { assign, quote, call } = os === "windows" ? POWERSHELL : POSIX;
  // A variable that repeats itself needs no line.
  const variables = Object.entries(setup.variables).filter(([name, value]) =>
    !(name === KEY_VARIABLE && value === API_KEY)
  );
  return [
    ...variables.map(([name, value]) => assign(name, value)),
    call([executable, ...setup.args, ...args].map(quote)),
  ].join("\n");
}

interface Dialect {
  readonly assign: (name: string, value: string | typeof API_KEY) => string;
  readonly quote: (text: string) => string;
  readonly call: (words: readonly string[]) => string;
}

const POSIX: Dialect = {
  assign: (name, value) =>
    `export ${name}=${value === API_KEY ? `"$${KEY_VARIABLE}"` : POSIX.quote(value)}`,
  quote: (text) =>
    /^[\w./:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`,
  call: (words) => `${words.join(" ")} "$@"`,
};

const POWERSHELL: Dialect = {
  assign: (name, value) =>
    `$env:${name} = ${value === API_KEY ? `$env:${KEY_VARIABLE}` : POWERSHELL.quote(value)}`,
  quote: (text) => `'${text.replaceAll("'", "''")}'`,
  call: (words) => `& ${words.join(" ")} @args`,
};
