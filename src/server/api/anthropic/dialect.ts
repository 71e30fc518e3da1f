import type { ShimmyError } from "../../../errors.ts";
import type { Dialect } from "../../http/mod.ts";

/**
 * Error types by status, as Anthropic documents them.
 *
 * A full queue has status 503 as in the other dialects, because proxies know it, instead of Anthropic's
 * 529. The type is `overloaded_error` in both cases, and the official clients retry both.
 */
const TYPES: Readonly<Record<number, string>> = {
  401: "authentication_error",
  403: "permission_error",
  404: "not_found_error",
  413: "request_too_large",
  429: "rate_limit_error",
  503: "overloaded_error",
  504: "timeout_error",
};

/** Anthropic's error envelope, in a body as in an `error` event of a stream. */
export interface ErrorEnvelope {
  readonly type: "error";
  readonly error: {
    readonly type: string;
    readonly message: string;
    readonly details?: { readonly error_code: string };
  };
  readonly request_id: string;
}

/**
 * The code that makes the tool runner of the official clients continue without `thread`, the request
 * that the server keeps the conversation.
 */
const NO_THREADS = { error_code: "thread_unsupported_request" };

/** An error in Anthropic's envelope. */
export function toEnvelope(error: ShimmyError, status: number, requestId: string): ErrorEnvelope {
  const type = TYPES[status] ?? (status < 500 ? "invalid_request_error" : "api_error");
  const details = error.field === "thread" ? { details: NO_THREADS } : {};
  return {
    type: "error",
    error: { type, message: error.message, ...details },
    request_id: requestId,
  };
}

/** Anthropic's error format. */
export const anthropicDialect: Dialect = {
  name: "anthropic",
  errorBody: toEnvelope,
  errorHeaders: (error, _status, requestId) => ({
    "request-id": requestId,
    // Otherwise clients retry twice although the model cannot be loaded.
    ...(error.kind === "backend" && error.retryAfter === undefined
      ? { "x-should-retry": "false" }
      : {}),
  }),
};
