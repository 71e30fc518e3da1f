/** A program and its arguments. */
export type OwnCommand = readonly [program: string, ...args: string[]];

/**
 * Flags for V8: a young generation of 1 MiB. The garbage of one token is small, and the default of
 * 16 MiB would only use memory. A program cannot set this flag for itself.
 */
export const V8_FLAGS = "--v8-flags=--max-semi-space-size=1";

/** In a bundle every module has the bundle's own URL. */
const isSource = import.meta.url.endsWith("/src/own_command.ts");

/**
 * The command line that runs a hidden command of this program in a child process, with the minimum
 * permissions for native libraries. It works for a compiled executable, a file and a URL.
 *
 * @param module The module that runs the command if {@linkcode isProgram} is true. From source, the
 * child starts only this module, which saves start-up time and memory.
 */
export function ownCommand(
  hidden: string,
  module: string,
  { args = [], rights = [] }: {
    readonly args?: readonly string[];
    /** Permissions in addition to those for native libraries. */
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

/** Whether this program may start itself in a child process: whether `--allow-run` is granted. */
export async function canRunItself(): Promise<boolean> {
  if (Deno.build.standalone) return true;
  const { state } = await Deno.permissions.query({ name: "run", command: Deno.execPath() });
  return state === "granted";
}

/** True if {@linkcode ownCommand} started the module to run its command. */
export function isProgram({ main }: ImportMeta): boolean {
  return main && isSource;
}
