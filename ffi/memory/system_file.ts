import { cString } from "./memory.ts";

/** Maximum size read; the files are small. */
const MOST_BYTES = 1 << 20;

/**
 * Text of a Linux system file such as `/proc/cpuinfo`; null on other systems and if the file does
 * not exist.
 *
 * Deno requires all permissions to read these files. A program with permission for FFI can read
 * them through the C library, so this function does that.
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
