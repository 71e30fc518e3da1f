import { readSystemFile } from "../../../ffi/mod.ts";

/**
 * Processor cores to compute with: physical ones, as the second thread of a core makes matrix products
 * slower, and no more than the system lets this process use.
 */
export function defaultThreads(): number {
  const usable = Math.max(1, navigator.hardwareConcurrency);
  const physical = physicalCores();
  return Math.max(1, Math.min(usable, physical ?? usable));
}

/** Physical cores as Linux reports them; null elsewhere and where it does not say. */
function physicalCores(): number | null {
  const text = readSystemFile("/proc/cpuinfo");
  if (text === null) return null;
  const cores = new Set<string>();
  for (const block of text.split("\n\n")) {
    const core = /^core id\s*:\s*(\d+)/m.exec(block)?.[1];
    const socket = /^physical id\s*:\s*(\d+)/m.exec(block)?.[1] ?? "0";
    if (core !== undefined) cores.add(`${socket}:${core}`);
  }
  return cores.size > 0 ? cores.size : null;
}

/** Bytes of memory that are free for use, within the limit of the container there may be. */
export function availableMemory(): number {
  const { available } = Deno.systemMemoryInfo();
  const limit = containerLimit();
  return limit === null ? available : Math.min(available, limit);
}

/**
 * What a Linux control group (version 2) leaves free; null where there is no limit. Pages of files count
 * as free, as they do in what the system itself calls available: they go when memory is needed.
 */
function containerLimit(): number | null {
  const most = Number(readSystemFile("/sys/fs/cgroup/memory.max") ?? NaN);
  const used = Number(readSystemFile("/sys/fs/cgroup/memory.current") ?? NaN);
  if (!Number.isFinite(most) || !Number.isFinite(used)) return null;
  const pages = /^(?:in)?active_file (\d+)$/gm;
  const files = [...(readSystemFile("/sys/fs/cgroup/memory.stat") ?? "").matchAll(pages)]
    .reduce((sum, [, bytes]) => sum + Number(bytes), 0);
  return Math.max(0, Math.min(most, most - used + files));
}
