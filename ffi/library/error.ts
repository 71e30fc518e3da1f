/** A failed native call. */
export class NativeError extends Error {
  override readonly name = "NativeError";

  constructor(
    /** The C function. */
    readonly operation: string,
    /** Return code; null if the function has none. */
    readonly code: number | null,
    message: string,
  ) {
    super(message);
  }
}
