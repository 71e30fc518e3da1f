import { type ErrorKind, messageOf, ShimmyError } from "../../errors.ts";

/** An error as a message between interface and loop. */
export interface SerializedError {
  readonly kind: ErrorKind;
  readonly message: string;
  readonly field?: string;
  readonly detail?: string;
  readonly retryAfter?: number;
}

/** An error as it crosses the seam between the loop and the engine's face. */
export function serializeError(error: unknown): SerializedError {
  if (!(error instanceof ShimmyError)) {
    return { kind: "backend", message: "Generation failed", detail: messageOf(error) };
  }
  const { kind, message, field, detail, retryAfter } = error;
  return {
    kind,
    message,
    ...(field === undefined ? {} : { field }),
    ...(detail === undefined ? {} : { detail }),
    ...(retryAfter === undefined ? {} : { retryAfter }),
  };
}

/** An error that came across the seam. */
export function deserializeError({ kind, message, ...options }: SerializedError): ShimmyError {
  return new ShimmyError(kind, message, options);
}
