import { type ContextOverflow, type ErrorKind, messageOf, ShimmyError } from "../../errors.ts";

/** An error in a message between the public interface and the engine core. */
export interface SerializedError {
  readonly kind: ErrorKind;
  readonly message: string;
  readonly field?: string;
  readonly detail?: string;
  readonly retryAfter?: number;
  readonly overflow?: ContextOverflow;
}

/** Converts an error to a message. Errors that are not a `ShimmyError` become `backend` errors. */
export function serializeError(error: unknown): SerializedError {
  if (!(error instanceof ShimmyError)) {
    return { kind: "backend", message: "Generation failed", detail: messageOf(error) };
  }
  const { kind, message, field, detail, retryAfter, overflow } = error;
  return {
    kind,
    message,
    ...(field === undefined ? {} : { field }),
    ...(detail === undefined ? {} : { detail }),
    ...(retryAfter === undefined ? {} : { retryAfter }),
    ...(overflow === undefined ? {} : { overflow }),
  };
}

/** Converts a message back to an error. */
export function deserializeError({ kind, message, ...options }: SerializedError): ShimmyError {
  return new ShimmyError(kind, message, options);
}

/** The error of what ends because its model is being unloaded, also at the end of the server: it can be repeated. */
export function unloadedError(): ShimmyError {
  return new ShimmyError("overloaded", "The model is being unloaded");
}

/**
 * The failed assertion of libllama in the output of a process that it ended, with a colon before it.
 * Empty if there is none. The path of the source file is left out.
 */
export function assertionIn(output: string): string {
  // Other output may follow on the same line.
  const failed = /GGML_ASSERT\(.*?\) failed/.exec(output)?.[0];
  return failed === undefined ? "" : `: ${failed}`;
}
