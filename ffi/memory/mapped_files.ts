import { readSystemFile } from "./system_file.ts";

/** `MADV_DONTNEED` of Linux's `<asm-generic/mman-common.h>`. */
const MADV_DONTNEED = 4;

/**
 * Gives back the memory of files that this process maps and does not write to; what is still needed of
 * them comes back by itself when it is read. libllama maps a whole model and copies from it what goes
 * to a device or into an order that suits the processor, after which a second copy would stay resident.
 *
 * Does nothing where the system is not Linux. No other thread may map or unmap these files meanwhile.
 */
export function forgetMappedPages(paths: readonly string[]): void {
  const maps = readSystemFile("/proc/self/maps");
  if (maps === null) return;
  // The system tells a mapped file by its real path.
  const files = new Set(paths.map((path) => Deno.realPathSync(path)));
  using stack = new DisposableStack();
  const libc = stack.adopt(
    Deno.dlopen("libc.so.6", {
      madvise: { parameters: ["usize", "usize", "i32"], result: "i32" },
    }),
    (library) => library.close(),
  ).symbols;
  for (const { start, end } of readOnlyMappings(maps, files)) {
    libc.madvise(start, end - start, MADV_DONTNEED);
  }
}

/** The address ranges at which one of `files` is mapped for reading alone, from `/proc/self/maps`. */
export function readOnlyMappings(
  maps: string,
  files: ReadonlySet<string>,
): { start: bigint; end: bigint }[] {
  const lines = maps.matchAll(/^([0-9a-f]+)-([0-9a-f]+) r--\S \S+ \S+ \S+ +(.+)$/gm);
  return [...lines].filter(([, , , file]) => files.has(file!))
    .map(([, start, end]) => ({ start: BigInt(`0x${start}`), end: BigInt(`0x${end}`) }));
}
