/** Facts about processes, from `ps`: the kernel's own files are not Deno's to read. */

/** Whether this system has a `ps` that takes these options. */
export const hasProcesses = Deno.build.os !== "windows";

async function ps(...args: string[]): Promise<string> {
  const { stdout } = await new Deno.Command("ps", { args, stderr: "null" }).output();
  return new TextDecoder().decode(stdout);
}

/** Resident bytes of a process; 0 if it has ended. */
export async function residentBytes(pid: number): Promise<number> {
  if (!hasProcesses) return 0;
  return Number((await ps("-o", "rss=", "-p", String(pid))).trim()) * 1024;
}

/** The processes below a process, and theirs. */
export async function descendantsOf(pid: number): Promise<number[]> {
  if (!hasProcesses) return [];
  const parents = new Map(
    (await ps("-A", "-o", "pid=,ppid=")).trim().split("\n")
      .map((line) => line.trim().split(/\s+/).map(Number) as [number, number]),
  );
  const isBelow = (one: number | undefined): boolean =>
    one !== undefined && one > 1 && (one === pid || isBelow(parents.get(one)));
  return [...parents.keys()].filter((one) => one !== pid && isBelow(one));
}

/** Whether a process runs. One that has ended and was not waited for does not. */
export async function isRunning(pid: number): Promise<boolean> {
  const state = (await ps("-o", "stat=", "-p", String(pid))).trim();
  return state !== "" && !state.startsWith("Z");
}
