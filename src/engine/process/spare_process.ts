import { messageOf, ShimmyError } from "../../errors.ts";

/** Command that runs the process of a model. */
export type ChildCommand = readonly [program: string, ...args: string[]];

/** Additional environment of the process. */
const CHILD_ENVIRONMENT = {
  // Otherwise ggml starts a debugger on a crash, whose output mixes with the messages.
  GGML_NO_BACKTRACE: "1",
  // Otherwise glibc gives each thread its own heap, which keeps freed memory.
  MALLOC_ARENA_MAX: "1",
};

/** A process that waits for a model. */
interface Spare {
  readonly command: string;
  readonly child: Deno.ChildProcess;
}

let spare: Spare | null = null;

/**
 * Starts a process before it is known which model it loads: starting takes as long as loading a small model.
 * The next load with the same command uses it. End it if no load does, with {@linkcode endSpare}.
 *
 * @returns resolves when the process has ended.
 */
export async function startSpare(command: ChildCommand): Promise<void> {
  void endSpare();
  const started = { command: JSON.stringify(command), child: spawn(command) };
  spare = started;
  await started.child.status;
  if (spare === started) await endSpare();
}

/**
 * Ends the process that {@linkcode startSpare} started, unless a load uses it.
 * @returns resolves when it has ended.
 */
export async function endSpare(): Promise<void> {
  const unused = spare;
  spare = null;
  if (unused === null) return;
  const { stdin, stdout, stderr, status } = unused.child;
  // It ends when its input does.
  await Promise.allSettled([stdin.close(), stdout.cancel(), stderr.cancel(), status]);
}

/**
 * The process that waits for a model with this command, or a new one.
 * @throws {ShimmyError} `backend` if the process cannot be started.
 */
export function takeProcess(command: ChildCommand): Deno.ChildProcess {
  if (spare?.command !== JSON.stringify(command)) return spawn(command);
  const { child } = spare;
  spare = null;
  return child;
}

function spawn([program, ...args]: ChildCommand): Deno.ChildProcess {
  try {
    return new Deno.Command(program, {
      args,
      env: CHILD_ENVIRONMENT,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  } catch (cause) {
    throw new ShimmyError("backend", "Cannot start a process for the model", {
      detail: messageOf(cause),
      cause,
    });
  }
}
