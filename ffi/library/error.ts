/** A native call that failed: which, with what code. */
export class NativeError extends Error {
  override readonly name = "NativeError";

  constructor(
    /** The C function. */
    readonly operation: string,
    /** What it returned; null where it returned nothing to tell. */
    readonly code: number | null,
    message: string,
  ) {
    super(message);
  }
}
