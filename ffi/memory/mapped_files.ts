import { readSystemFile } from "./system_file.ts";

/** `MADV_DONTNEED` of Linux's `<asm-generic/mman-common.h>`. */
const MADV_DONTNEED = 4;
/** A multiple of every page size of Linux. */
const PAGE = 65_536n;

/**
 * Releases resident pages of read-only mappings of files; they are read again when accessed.
 * libllama maps the whole model and copies weights to a device or repacks them for the CPU, after
 * which the mapped copy would stay resident.
 *
 * Linux only; does nothing elsewhere. No other thread may map or unmap these files meanwhile.
 */
export function releaseMappedPages(paths: readonly string[]): void {
  const maps = readSystemFile("/proc/self/maps");
  if (maps === null) return;
  // /proc/self/maps lists real paths.
  const files = new Set(paths.map((path) => Deno.realPathSync(path)));
  releasePages(readOnlyMappings(maps, files));
}

/**
 * Releases the whole pages within address ranges (`MADV_DONTNEED`). Private pages without a file read as
 * zeros afterwards, pages of a file are read again. Linux only.
 *
 * @returns released bytes
 */
export function releasePages(ranges: readonly { start: bigint; end: bigint }[]): number {
  using stack = new DisposableStack();
  const libc = stack.adopt(
    Deno.dlopen("libc.so.6", {
      madvise: { parameters: ["usize", "usize", "i32"], result: "i32" },
    }),
    (library) => library.close(),
  ).symbols;
  let released = 0n;
  for (const { start, end } of ranges) {
    const first = (start + PAGE - 1n) / PAGE * PAGE;
    const length = end / PAGE * PAGE - first;
    if (length <= 0n) continue;
    if (libc.madvise(first, length, MADV_DONTNEED) === 0) released += length;
  }
  return Number(released);
}

/** Address ranges of read-only mappings of `files` in `/proc/self/maps`. */
export function readOnlyMappings(
  maps: string,
  files: ReadonlySet<string>,
): { start: bigint; end: bigint }[] {
  const lines = maps.matchAll(/^([0-9a-f]+)-([0-9a-f]+) r--\S \S+ \S+ \S+ +(.+)$/gm);
  return [...lines].filter(([, , , file]) => files.has(file!))
    .map(([, start, end]) => ({ start: BigInt(`0x${start}`), end: BigInt(`0x${end}`) }));
}
