import { descendantsOf, residentBytes } from "./processes.ts";
import { checkVisible, type Problem } from "./problem.ts";
import { within } from "./within.ts";

/** Bounds of a command: its time, and the resident memory of it and its processes. */
interface Bounds {
  readonly milliseconds: number;
  readonly bytes: number;
  /** The command runs the model in its own process, which libllama ends for some damaged files. */
  readonly mayEnd?: boolean;
}

export const BOUNDS: Bounds = { milliseconds: 60_000, bytes: 2.5 * 2 ** 30 };
const MEMORY_PAUSE = 300;

/**
 * Runs a command of the product with bounds for its time and memory.
 *
 * Status 0 and 1 are right, the latter with a reason; everything else is a problem, and so is a stack.
 */
export async function boundedRun(
  command: Deno.Command,
  { milliseconds, bytes, mayEnd = false }: Bounds = BOUNDS,
): Promise<Problem | null> {
  const child = command.spawn();
  const output = child.output();
  let bound: Problem | null = null;
  let isRunning = true;
  const watch = (async () => {
    const end = performance.now() + milliseconds;
    while (isRunning && bound === null) {
      await within(output, MEMORY_PAUSE, null);
      if (!isRunning) return;
      bound = performance.now() > end
        ? { kind: "hang", message: `the command takes longer than ${milliseconds} ms` }
        : await checkMemory(child.pid, bytes);
    }
    if (bound !== null) kill(child);
  })();
  const { code, signal, stdout, stderr } = await output.finally(() => isRunning = false);
  await watch;
  if (bound !== null) return bound;
  const text = new TextDecoder().decode(stderr);
  const last = text.trim().split("\n").slice(-5).join(" | ").slice(-500);
  if (mayEnd && signal !== null) return null;
  if (signal !== null || code > 2) {
    return {
      kind: "ended",
      message: `the command ended with ${signal ?? `status ${code}`}: ${last}`,
    };
  }
  if (code === 1 && text.trim() === "" && stdout.length === 0) {
    return { kind: "status", message: "status 1 without a reason" };
  }
  return checkVisible(text, []);
}

function kill(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch {
    // It has ended.
  }
}

async function checkMemory(pid: number, limit: number): Promise<Problem | null> {
  const pids = [pid, ...await descendantsOf(pid)];
  const sizes = await Promise.all(pids.map(residentBytes));
  if (sizes.reduce((sum, size) => sum + size, 0) < limit) return null;
  return { kind: "memory", message: `the command uses more than ${limit / 2 ** 20} MiB` };
}
