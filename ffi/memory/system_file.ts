import { cString } from "./memory.ts";

/** More than any of the small files this is for. */
const MOST_BYTES = 1 << 20;

/**
 * The text of a file that Linux keeps about itself, such as `/proc/cpuinfo`; null elsewhere and where
 * there is none.
 *
 * Deno reads these only with every permission there is. Whoever may call native code may read them
 * anyway, so they are read through the C library instead.
 */
export function readSystemFile(path: string): string | null {
  if (Deno.build.os !== "linux") return null;
  using stack = new DisposableStack();
  const libc = stack.adopt(
    Deno.dlopen("libc.so.6", {
      fopen: { parameters: ["buffer", "buffer"], result: "pointer" },
      fread: { parameters: ["buffer", "usize", "usize", "pointer"], result: "usize" },
      fclose: { parameters: ["pointer"], result: "i32" },
    }),
    (library) => library.close(),
  ).symbols;
  const file = libc.fopen(cString(path), cString("r"));
  if (file === null) return null;
  const bytes = new Uint8Array(MOST_BYTES);
  const length = Number(libc.fread(bytes, 1n, BigInt(bytes.length), file));
  libc.fclose(file);
  return new TextDecoder().decode(bytes.subarray(0, length));
}
