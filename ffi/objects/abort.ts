const LIBC: Readonly<Partial<Record<typeof Deno.build.os, string>>> = {
  linux: "libc.so.6",
  darwin: "libSystem.B.dylib",
  windows: "ucrtbase.dll",
};

/** A native function that checks an abort flag. */
export interface AbortCheck extends Disposable {
  /** Address of the function, for `llama_context_params.abort_callback`. */
  readonly address: bigint;
}

/**
 * Creates an abort check that libllama calls during computation without entering JavaScript:
 * `strlen` of the C library, which returns 0 exactly if the first byte is 0. The byte after the
 * flag must stay 0.
 *
 * @returns null if the C library of the system is unknown; then computation cannot be aborted.
 */
export function abortCheck(): AbortCheck | null {
  const name = LIBC[Deno.build.os];
  if (name === undefined) return null;
  const libc = Deno.dlopen(name, { strlen: { type: "pointer" } });
  return {
    address: Deno.UnsafePointer.value(libc.symbols.strlen),
    [Symbol.dispose]: () => libc.close(),
  };
}
