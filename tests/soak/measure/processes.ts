/** What the kernel says about a process. */
export interface ProcessFacts {
  readonly pid: number;
  /** Clock ticks after the boot: with the pid it identifies a process. */
  readonly started: number;
  readonly residentMb: number;
  readonly threads: number;
  /** Open files, sockets and pipes. */
  readonly handles: number;
}

/** Prints a line for a process and for each of its children. The kernel's files are not Deno's to read. */
const SCRIPT = `
for p in "$1" $(cat /proc/$1/task/*/children 2>/dev/null); do
  facts=$(awk '/^(VmRSS|Threads):/ { printf "%s ", $2 }' /proc/$p/status 2>/dev/null)
  handles=$(ls /proc/$p/fd 2>/dev/null | wc -l)
  started=$(awk '{ print $22 }' /proc/$p/stat 2>/dev/null)
  echo "$p $started $handles $facts"
done`;

/** The facts of a process and of its children; empty if it has ended. */
export async function observe(
  pid: number,
): Promise<{ readonly own: ProcessFacts; readonly children: readonly ProcessFacts[] } | null> {
  const { stdout } = await new Deno.Command("sh", {
    args: ["-c", SCRIPT, "sh", String(pid)],
    stderr: "null",
  }).output();
  const [own, ...children] = new TextDecoder().decode(stdout).trim().split("\n").flatMap(factsOf);
  return own === undefined ? null : { own, children };
}

/** A process that has ended, but was not waited for, has no resident memory. */
function factsOf(line: string): ProcessFacts[] {
  const [pid, started, handles, resident, threads] = line.split(" ").map(Number);
  if (!threads) return [];
  return [{
    pid: pid!,
    started: started!,
    residentMb: resident! / 1024,
    threads,
    handles: handles!,
  }];
}

/** Whether the same process still runs. */
export async function isRunning({ pid, started }: ProcessFacts): Promise<boolean> {
  const found = await observe(pid);
  return found !== null && found.own.pid === pid && found.own.started === started;
}
