/** A program and its arguments. */
export type OwnCommand = readonly [program: string, ...args: string[]];

/**
 * What Deno is to tell V8 of this program: a young generation of 1 MiB. What a server allocates for a token
 * is garbage after it, and in the 16 MiB that it would fill else it only takes memory. It cannot be set
 * from within.
 */
export const V8_FLAGS = "--v8-flags=--max-semi-space-size=1";

/** In a bundle every module has the bundle's own URL. */
const isSource = import.meta.url.endsWith("/src/own_command.ts");

/**
 * The command line that runs a hidden command of this very program in a child process, with as few
 * permissions as native libraries need: compiled into one executable, from a file or from a URL.
 *
 * @param module The module that runs the command when {@linkcode isProgram} says so. From source it is
 * started in place of the whole program, which would cost the child's start and memory.
 */
export function ownCommand(
  hidden: string,
  module: string,
  { args = [], rights = [] }: {
    readonly args?: readonly string[];
    /** Permissions beside those that native libraries need. */
    readonly rights?: readonly string[];
  } = {},
): OwnCommand {
  const program = Deno.execPath();
  if (Deno.build.standalone) return [program, hidden, ...args];
  const needed = ["--allow-ffi", "--allow-read", "--allow-env", "--allow-sys"];
  const quiet = [V8_FLAGS, "--quiet", "--no-prompt", "--no-lock", "--cached-only"];
  const main = isSource ? module : Deno.mainModule;
  return [program, "run", ...quiet, ...needed, ...rights, main, hidden, ...args];
}

/** Whether a module was started by {@linkcode ownCommand} and is to run its command. */
export function isProgram({ main }: ImportMeta): boolean {
  return main && isSource;
}
