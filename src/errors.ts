/** What went wrong, in terms every room shares; `src/server/http/errors.ts` alone turns it into a status. */
export type ErrorKind =
  /** The request or an option is malformed or out of range: the caller must change it. */
  | "invalid"
  /** The prompt does not fit the context. */
  | "context_length"
  /** No model, adapter, file or library of that name. */
  | "not_found"
  /** The queue is full, or a model is being retried later: ask again. */
  | "overloaded"
  /** The caller gave up. */
  | "cancelled"
  /** The library or the model could not be loaded, or generation failed in the backend. */
  | "backend";

/**
 * An error whose message is written for the person who made the request or typed the command.
 *
 * The message never carries file paths of the server, stacks or keys; those belong in `cause` and in
 * `detail`, which only the command line and the log show.
 */
export class ShimmyError extends Error {
  override readonly name = "ShimmyError";
  /** Which field of the request or which option is at fault, where one is. */
  readonly field?: string;
  /** More for the operator's eyes: paths, native messages. */
  readonly detail?: string;
  /** Seconds after which asking again makes sense. */
  readonly retryAfter?: number;

  constructor(
    readonly kind: ErrorKind,
    message: string,
    options: { field?: string; detail?: string; retryAfter?: number; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    if (options.field !== undefined) this.field = options.field;
    if (options.detail !== undefined) this.detail = options.detail;
    if (options.retryAfter !== undefined) this.retryAfter = options.retryAfter;
  }
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
