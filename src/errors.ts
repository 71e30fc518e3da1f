/**
 * Kind of an error, shared by all rooms. Only `src/server/http/errors.ts` maps it to an HTTP
 * status.
 */
export type ErrorKind =
  /** The request or an option is malformed or out of range. The caller must change it. */
  | "invalid"
  /** The prompt does not fit the context. */
  | "context_length"
  /** The model, adapter, file or library does not exist. */
  | "not_found"
  /** The queue is full, or the model's next load attempt has to wait. The caller may retry. */
  | "overloaded"
  /** The caller cancelled the operation. */
  | "cancelled"
  /** The library or the model could not be loaded, or the backend failed during generation. */
  | "backend";

/** Maximum characters of a message. Clients can send names of megabytes, which many messages repeat. */
const MAX_MESSAGE = 4_000;

/** Token counts of a `context_length` error. */
export interface ContextOverflow {
  readonly promptTokens: number;
  readonly contextLength: number;
}

/**
 * An error with a message for the person who sent the request or typed the command.
 *
 * The message never contains paths of the server, stacks or keys. Those are in `cause` and
 * `detail`, which only the command line and the log show.
 */
export class ShimmyError extends Error {
  override readonly name = "ShimmyError";
  /** The field of the request or the option that is wrong. */
  readonly field?: string;
  /** Details for the operator: paths, native messages. */
  readonly detail?: string;
  /** Seconds after which a retry makes sense. */
  readonly retryAfter?: number;
  /** Tokens of a prompt that does not fit, and tokens of the context. */
  readonly overflow?: ContextOverflow;

  constructor(
    readonly kind: ErrorKind,
    message: string,
    options: {
      field?: string;
      detail?: string;
      retryAfter?: number;
      overflow?: ContextOverflow;
      cause?: unknown;
    } = {},
  ) {
    super(bounded(message), options.cause === undefined ? undefined : { cause: options.cause });
    if (options.field !== undefined) this.field = options.field;
    if (options.detail !== undefined) this.detail = options.detail;
    if (options.retryAfter !== undefined) this.retryAfter = options.retryAfter;
    if (options.overflow !== undefined) this.overflow = options.overflow;
  }
}

function bounded(message: string): string {
  return message.length <= MAX_MESSAGE ? message : `${message.slice(0, MAX_MESSAGE)}...`;
}

/** The message of any thrown value. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * The reason of a failed file operation, for a message that names the file itself: Deno's message
 * without the number of the error, the operation and the path.
 */
export function fileReason(error: unknown): string {
  return messageOf(error).replace(/(?: \(os error \d+\))?: \w+ '[^]*'$| \(os error \d+\)$/, "");
}
