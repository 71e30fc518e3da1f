import { STATUS_CODE } from "@std/http/status";
import { type ErrorKind, ShimmyError } from "../../errors.ts";
import type { Dialect } from "./route.ts";

/** Nginx' status for a client that disconnected; the registry of statuses has none. */
const CLIENT_CLOSED_REQUEST = 499;

/** The HTTP status of each kind of error. No other module maps kinds to statuses. */
const STATUS: Readonly<Record<ErrorKind, number>> = {
  invalid: STATUS_CODE.BadRequest,
  context_length: STATUS_CODE.BadRequest,
  not_found: STATUS_CODE.NotFound,
  overloaded: STATUS_CODE.ServiceUnavailable,
  cancelled: CLIENT_CLOSED_REQUEST,
  backend: STATUS_CODE.BadGateway,
};

/** An error of the HTTP layer, such as 401, 403, 405 or 413, with its own status. */
export class HttpError extends ShimmyError {
  /** Headers that the status requires, such as `allow` for 405. */
  readonly headers: Readonly<Record<string, string>>;
  /** Whether the log tells it if it is the server's error. */
  readonly isReported: boolean;

  constructor(
    readonly status: number,
    message: string,
    options: {
      field?: string;
      retryAfter?: number;
      cause?: unknown;
      headers?: Readonly<Record<string, string>>;
      isReported?: boolean;
    } = {},
  ) {
    super("invalid", message, options);
    this.headers = options.headers ?? {};
    this.isReported = options.isReported ?? true;
  }
}

/** The HTTP status of an error. */
export function statusOf(error: ShimmyError): number {
  return error instanceof HttpError ? error.status : STATUS[error.kind];
}

/** A thrown value as an error for clients: messages of unexpected errors are replaced. */
export function toShimmyError(thrown: unknown): ShimmyError {
  if (thrown instanceof ShimmyError) return thrown;
  if (thrown instanceof DOMException && thrown.name === "AbortError") {
    return new ShimmyError("cancelled", "The request was cancelled", { cause: thrown });
  }
  return new ShimmyError("backend", "Internal error", { cause: thrown });
}

/** `Retry-After` of errors that name no delay, in seconds. */
const DEFAULT_RETRY = 1;

/** Statuses after which a retry can succeed. */
const RETRYABLE: readonly number[] = [STATUS_CODE.TooManyRequests, STATUS_CODE.ServiceUnavailable];

/** The response for an error, with a body in the form of a dialect. */
export function errorResponse(dialect: Dialect, thrown: unknown, requestId: string): Response {
  const error = toShimmyError(thrown);
  const status = statusOf(error);
  const headers = new Headers(dialect.errorHeaders?.(error, status, requestId));
  headers.set("content-type", "application/json; charset=utf-8");
  const retryAfter = error.retryAfter ??
    (RETRYABLE.includes(status) ? DEFAULT_RETRY : undefined);
  if (retryAfter !== undefined) headers.set("retry-after", String(Math.ceil(retryAfter)));
  if (error instanceof HttpError) {
    for (const [name, value] of Object.entries(error.headers)) headers.set(name, value);
  }
  return new Response(JSON.stringify(dialect.errorBody(error, status, requestId)), {
    status,
    headers,
  });
}
