const LIBC: Readonly<Partial<Record<typeof Deno.build.os, string>>> = {
  linux: "libc.so.6",
  darwin: "libSystem.B.dylib",
  windows: "ucrtbase.dll",
};

/** A native function that tells whether the byte it is pointed to is set. */
export interface AbortCheck extends Disposable {
  /** The function's address, for `llama_context_params.abort_callback`. */
  readonly address: bigint;
}

/**
 * A check that libllama can call while it computes, without entering JavaScript: the C library's
 * `strlen`, which is 0 exactly when the first byte is 0. The byte after it must stay 0.
 *
 * @returns null on a system whose C library is not known; computing cannot be interrupted there.
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
