/** A program and its arguments. */
export type OwnCommand = readonly [program: string, ...args: string[]];

/**
 * The command line that runs a hidden command of this very program in a child process, with as few
 * permissions as native libraries need: compiled into one executable, from a file or from a URL.
 */
export function ownCommand(
  hidden: string,
  { args = [], rights = [] }: {
    readonly args?: readonly string[];
    /** Permissions beside those that native libraries need. */
    readonly rights?: readonly string[];
  } = {},
): OwnCommand {
  const program = Deno.execPath();
  if (Deno.build.standalone) return [program, hidden, ...args];
  const needed = ["--allow-ffi", "--allow-read", "--allow-env", "--allow-sys"];
  const quiet = ["--quiet", "--no-prompt", "--no-lock", "--cached-only"];
  return [program, "run", ...quiet, ...needed, ...rights, Deno.mainModule, hidden, ...args];
}
