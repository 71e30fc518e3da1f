import { readSystemFile } from "../../../ffi/memory/system_file.ts";

/**
 * Default number of compute threads: the number of physical cores, limited to the cores that this
 * process may use. A second thread on one core slows down matrix products.
 */
export function defaultThreads(): number {
  const usable = Math.max(1, navigator.hardwareConcurrency);
  const physical = physicalCores();
  return Math.max(1, Math.min(usable, physical ?? usable));
}

/** Bytes of model files from which a second thread saves more time than the threads wait for each other. */
const SHARED_WORK_BYTES = 8 * 1024 ** 2;

/**
 * Compute threads of a model.
 *
 * A model of a few megabytes gets one thread by default. Threads meet after each operation of the graph and
 * do not sleep meanwhile: where another program takes one of the cores, each meeting lasts until that
 * program is interrupted, which is far longer than such an operation.
 * @param threads as asked for; 0 for the default
 */
export function computeThreads(
  { threads, modelPaths }: { readonly threads: number; readonly modelPaths: readonly string[] },
): number {
  if (threads > 0) return threads;
  const bytes = modelPaths.reduce((sum, path) => sum + fileSize(path), 0);
  return bytes < SHARED_WORK_BYTES ? 1 : defaultThreads();
}

/** Physical cores, from /proc/cpuinfo on Linux; null if unknown. */
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

/** Free memory in bytes, within the limit of the container if there is one. */
export function availableMemory(): number {
  const { available } = Deno.systemMemoryInfo();
  const limit = containerLimit();
  return limit === null ? available : Math.min(available, limit);
}

/**
 * Free memory of the Linux control group (version 2) in bytes; null without a limit. Page cache
 * counts as free, as in the system's own "available" figure, because the kernel drops it on demand.
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

/** The size of a file in bytes; 0 if it cannot be read, which the load then reports. */
export function fileSize(path: string): number {
  try {
    return Deno.statSync(path).size;
  } catch {
    return 0;
  }
}
