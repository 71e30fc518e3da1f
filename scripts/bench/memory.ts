import { systemFile } from "./machine.ts";

/** Resident bytes of a process and its children; null if unknown. */
export async function residentBytes(pid: number): Promise<number | null> {
  if (Deno.build.os === "windows") return null;
  const { stdout, success } = await new Deno.Command("ps", {
    args: ["-A", "-o", "pid=,ppid=,rss="],
    stderr: "null",
  }).output();
  if (!success) return null;
  const processes = new TextDecoder().decode(stdout).trim().split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number) as [number, number, number]);
  const family = new Set([pid]);
  for (let size = 0; size !== family.size;) {
    size = family.size;
    for (const [child, parent] of processes) if (family.has(parent)) family.add(child);
  }
  const sizes = await Promise.all(
    processes.filter(([member]) => family.has(member))
      .map(async ([member, , kilobytes]) => await proportional(member) ?? kilobytes * 1024),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** Proportional set size on Linux: shared pages count once. */
async function proportional(pid: number): Promise<number | null> {
  if (Deno.build.os !== "linux") return null;
  const match = /^Pss:\s+(\d+) kB/m.exec(await systemFile(`/proc/${pid}/smaps_rollup`));
  return match === null ? null : Number(match[1]) * 1024;
}
