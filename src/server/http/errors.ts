import { type ErrorKind, ShimmyError } from "../../errors.ts";
import type { Dialect } from "./route.ts";

/** The one place where a kind of error becomes an HTTP status. */
const STATUS: Readonly<Record<ErrorKind, number>> = {
  invalid: 400,
  context_length: 400,
  not_found: 404,
  overloaded: 503,
  cancelled: 499,
  backend: 502,
};

/** A refusal that is about HTTP itself and not about the engine: 401, 403, 405, 413 and their like. */
export class HttpError extends ShimmyError {
  /** Headers that belong to the status, such as `allow` to 405. */
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    readonly status: number,
    message: string,
    options: {
      field?: string;
      retryAfter?: number;
      cause?: unknown;
      headers?: Readonly<Record<string, string>>;
    } = {},
  ) {
    super("invalid", message, options);
    this.headers = options.headers ?? {};
  }
}

/** The HTTP status of an error. */
export function statusOf(error: ShimmyError): number {
  return error instanceof HttpError ? error.status : STATUS[error.kind];
}

/** Anything thrown, as an error that may be shown: what is not meant for callers loses its message. */
export function toShimmyError(thrown: unknown): ShimmyError {
  if (thrown instanceof ShimmyError) return thrown;
  if (thrown instanceof DOMException && thrown.name === "AbortError") {
    return new ShimmyError("cancelled", "The request was given up", { cause: thrown });
  }
  return new ShimmyError("backend", "Internal error", { cause: thrown });
}

/** An error as a response in a dialect's shape. */
export function errorResponse(dialect: Dialect, thrown: unknown, requestId: string): Response {
  const error = toShimmyError(thrown);
  const status = statusOf(error);
  const headers = new Headers(dialect.errorHeaders?.(error, status, requestId));
  headers.set("content-type", "application/json; charset=utf-8");
  const retryAfter = error.retryAfter ?? (status === 429 || status === 503 ? 1 : undefined);
  if (retryAfter !== undefined) headers.set("retry-after", String(Math.ceil(retryAfter)));
  if (error instanceof HttpError) {
    for (const [name, value] of Object.entries(error.headers)) headers.set(name, value);
  }
  return new Response(JSON.stringify(dialect.errorBody(error, status, requestId)), {
    status,
    headers,
  });
}
