/** A program and its arguments. */
export type OwnCommand = readonly [program: string, ...args: string[]];

/**
 * Flags for V8: a young generation of 1 MiB. The garbage of one token is small, and the default of
 * 16 MiB would only use memory. A program cannot set this flag for itself.
 */
export const V8_FLAGS = "--v8-flags=--max-semi-space-size=1";

/**
 * Flags that let V8 optimize functions after fewer calls. An executable is compiled with them, because its
 * processes cannot have flags of their own. The loop calls its functions once for each token,
 * so that V8 would wait for thousands of tokens.
 */
const EARLY_FLAGS = [
  "--no-lazy-feedback-allocation",
  "--invocation-count-for-maglev=20",
  "--invocation-count-for-turbofan=50",
];

/** Versions of V8, from Deno 2.4 on, that know these flags: Deno ends with an error for an unknown flag. */
const KNOWN_VERSIONS = { first: [13, 7], lastMajor: 15 } as const;

/**
 * The flags of V8 for a process that computes a few functions again and again.
 * @param version `Deno.version.v8`
 */
export function earlyFlags(version: string): string {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const { first, lastMajor } = KNOWN_VERSIONS;
  const isNew = major > first[0] || (major === first[0] && minor >= first[1]);
  const isKnown = isNew && major <= lastMajor;
  return isKnown ? [V8_FLAGS, ...EARLY_FLAGS].join() : V8_FLAGS;
}

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
  { args = [], rights = [], optimizesEarly = false }: {
    readonly args?: readonly string[];
    /** Whether the process computes a few functions again and again. */
    readonly optimizesEarly?: boolean;
    /** Permissions in addition to those for native libraries. */
    readonly rights?: readonly string[];
  } = {},
): OwnCommand {
  const program = Deno.execPath();
  if (Deno.build.standalone) return [program, hidden, ...args];
  const needed = ["--allow-ffi", "--allow-read", "--allow-env", "--allow-sys"];
  const flags = optimizesEarly ? earlyFlags(Deno.version.v8) : V8_FLAGS;
  const quiet = [flags, "--quiet", "--no-prompt", "--no-lock", "--cached-only"];
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
