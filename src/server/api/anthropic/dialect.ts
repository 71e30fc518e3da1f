import type { ShimmyError } from "../../../errors.ts";
import type { Dialect } from "../../http/mod.ts";

/**
 * Error types by status, as Anthropic documents them.
 *
 * A full queue keeps status 503, which every proxy and client understands and which all of Shimmy's
 * dialects share, rather than Anthropic's own 529; its type is the same `overloaded_error`, and the
 * official clients retry either after `retry-after`.
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
 * What the official clients' tool runner waits for when it asks the server to keep the conversation
 * (`thread`): it then goes on without.
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

/** How Anthropic's clients want their errors. */
export const anthropicDialect: Dialect = {
  name: "anthropic",
  errorBody: toEnvelope,
  errorHeaders: (error, _status, requestId) => ({
    "request-id": requestId,
    // Without it the clients ask twice more for a model that will not load the next time either.
    ...(error.kind === "backend" && error.retryAfter === undefined
      ? { "x-should-retry": "false" }
      : {}),
  }),
};
